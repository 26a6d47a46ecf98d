# frozen_string_literal: true

require 'etc'
require 'open3'

# What the figures depend on.
module Machine
  GEMS = %w[opentelemetry-sdk opentelemetry-exporter-otlp google-protobuf dry-events activesupport activerecord pg
            tasker-engine prometheus-client].freeze
  LIBRARIES = %w[libcurl zlib libxxhash].freeze

  module_function

  # { ruby:, system:, processor:, gems:, libraries:, revision:, load: }
  def facts
    { ruby: "#{RUBY_DESCRIPTION}, YJIT #{yjit? ? 'on' : 'off'}",
      system: "#{system_name}, #{Etc.uname[:sysname]} #{Etc.uname[:release]}",
      processor: "#{Etc.nprocessors} cores, #{processor}",
      gems: Gem.loaded_specs.values_at(*GEMS).compact.map { |gem| "#{gem.name} #{gem.version}" }.join(', '),
      libraries: ["cc #{output('cc', '-dumpfullversion')}",
                  *LIBRARIES.map { |name| "#{name} #{output('pkg-config', '--modversion', name)}" }].join(', '),
      revision: revision,
      load: load_average }
  end

  def lines
    found = facts
    [*found.values_at(:ruby, :system, :gems, :libraries), "#{found[:processor]}; load #{found[:load]} at the start: " \
                                                          'other work makes figures higher, and ratios less so']
  end

  def yjit?
    defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled?
  end

  def processor
    File.read('/proc/cpuinfo')[/^model name\s*:\s*(.*)/, 1] || RbConfig::CONFIG['host_cpu']
  rescue SystemCallError
    RbConfig::CONFIG['host_cpu']
  end

  def system_name
    File.read('/etc/os-release')[/^PRETTY_NAME="(.*)"/, 1]
  rescue SystemCallError
    'unknown system'
  end

  def load_average
    File.read('/proc/loadavg').split.first
  rescue SystemCallError
    'unknown'
  end

  # What was measured, as far as it was committed: the benchmarks and their results are no part of that.
  def revision
    changed = output('git', '-C', '../..', 'status', '--porcelain', 'ext', 'lib')
    "#{output('git', 'describe', '--always')}#{' with changes' unless changed.empty? || changed == 'unknown'}"
  end

  # What a command says; 'unknown' where it fails or there is none.
  def output(*command)
    text, status = Open3.capture2(*command, err: File::NULL, chdir: __dir__)
    status.success? ? text.chomp : 'unknown'
  rescue SystemCallError
    'unknown'
  end
end
