# frozen_string_literal: true

require_relative 'lib/tasker/native/version'

Gem::Specification.new do |spec|
  spec.name = 'tasker-native'
  spec.version = Tasker::Native::VERSION
  spec.authors = ['tasker-native contributors']
  spec.summary = 'Native telemetry for Tasker workflows'
  spec.description = 'Events, spans and metrics of Tasker workflows, filtered of secrets and exported as OTLP ' \
                     'by a native thread that never holds the lock of Ruby.'
  spec.license = 'MIT'
  spec.required_ruby_version = '>= 3.1'
  spec.metadata['rubygems_mfa_required'] = 'true'

  spec.files = Dir.chdir(__dir__) do
    files = Dir['{lib,ext,docs,exe}/**/*', 'README.md', 'LICENSE', 'CHANGELOG.md', '.yardopts']
    files.select { |path| File.file?(path) }.grep_v(/\.(so|bundle|o)\z/)
  end
  spec.bindir = 'exe'
  spec.executables = ['tasker-native']
  spec.require_paths = ['lib']
  spec.extensions = ['ext/tasker_native/extconf.rb']
end
