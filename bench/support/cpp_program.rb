# frozen_string_literal: true

require 'fileutils'
require 'open3'

# A C++ program of bench/, compiled into tmp/bench.
class CppProgram
  BENCH = File.expand_path('..', __dir__)
  FOLDER = File.expand_path('../tmp/bench', BENCH)
  OPENTELEMETRY = %w[-lopentelemetry_trace -lopentelemetry_resources -lopentelemetry_common
                     -lopentelemetry_exporter_otlp_http].freeze
  OPENTELEMETRY_VERSION = '/usr/include/opentelemetry/version.h'

  # Debian has it from version 13 on (opentelemetry-cpp-dev); bin/root does.
  def self.opentelemetry?
    File.exist?(OPENTELEMETRY_VERSION)
  end

  def self.opentelemetry_version
    File.read(OPENTELEMETRY_VERSION)[/OPENTELEMETRY_VERSION "(.*)"/, 1]
  end

  # name: 'support/cpp_spans'
  def initialize(name, *libraries)
    @source = "#{BENCH}/#{name}.cc"
    @program = "#{FOLDER}/#{name.tr('/', '_')}"
    @libraries = libraries
  end

  # Unless it is newer than its source. => its path
  def compile
    return @program if File.exist?(@program) && File.mtime(@program) > File.mtime(@source)

    FileUtils.mkdir_p(FOLDER)
    output, status = Open3.capture2e('c++', '-std=c++17', '-O2', '-Wall', '-o', @program, @source, *@libraries)
    raise "#{@source} does not compile:\n#{output}" unless status.success?

    @program
  end
end
