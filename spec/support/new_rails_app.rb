# frozen_string_literal: true

require 'fileutils'
require 'open3'
require 'tmpdir'

# What `rails new` makes, with those gems of this bundle that it needs; nothing is fetched.
class NewRailsApp
  ROOT = File.expand_path('../..', __dir__)
  OPTIONS = %w[--minimal --skip-asset-pipeline --skip-bundle --skip-git --quiet].freeze
  GEMS = /^(source|gem "(rails|sqlite3)")/

  attr_reader :path

  def initialize
    @directory = Dir.mktmpdir('new_rails_app')
    @path = File.join(@directory, 'shop')
    run('bundle', 'exec', 'rails', 'new', path, *OPTIONS, chdir: ROOT)
  end

  # @param gem_lines [String] for its Gemfile
  def bundle(gem_lines)
    write('Gemfile', read('Gemfile').lines.grep(GEMS).join + gem_lines)
    shell('bundle install --local --quiet')
  end

  def read(name)
    File.read(File.join(path, name))
  end

  def write(name, content)
    file = File.join(path, name)
    FileUtils.mkdir_p(File.dirname(file))
    File.write(file, content)
  end

  # Runs a command as somebody would who knows nothing of this bundle.
  #
  # @return [String] all that it wrote
  def shell(command)
    gems = Bundler.bundle_path.to_s[%r{\A(.*)/ruby/[\d.]+\z}, 1]
    Bundler.with_unbundled_env do
      run({ 'RAILS_ENV' => nil, 'RACK_ENV' => nil, 'BUNDLE_PATH' => gems }, 'sh', '-c', command, chdir: path)
    end
  end

  def remove
    FileUtils.remove_entry(@directory)
  end

  private

  def run(*command, chdir:)
    output, status = Open3.capture2e(*command, chdir: chdir)
    raise "#{command.grep(String).join(' ')}: #{status}\n#{output}" unless status.success?

    output
  end
end
