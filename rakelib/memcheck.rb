# frozen_string_literal: true

require 'stringio'
require 'ruby_memcheck'
require 'ruby_memcheck/rspec/rake_task'
require_relative '../spec/support/torture_extension'

# Specs under valgrind: rake torture:memcheck.
#
# What Ruby itself has allocated is Ruby's to lose: before version 3.4 it frees nothing at exit. A leak is ours when our
# code, or a library that it called, took the memory. Any other error is, wherever it shows.
module Memcheck
  # Debian's libruby has another name than ruby_memcheck looks for.
  module Frame
    def in_ruby?
      super || (!obj.nil? && File.basename(obj).start_with?('libruby'))
    end
  end
  RubyMemcheck::Frame.prepend(Frame)

  # Specs kill children, also while valgrind writes down what it saw of them.
  module Reports
    def parse_valgrind_output
      Dir[File.join(configuration.temp_dir, '*.xml')].each { |file| complete(file) }
      super
    end

    private

    def complete(file)
      report = File.binread(file)
      return if report.rstrip.end_with?('</valgrindoutput>')

      whole = report[%r{\A.*</error>}m] || report[/\A.*?<valgrindoutput>/m]
      whole ? File.binwrite(file, "#{whole}\n</valgrindoutput>\n") : File.delete(file)
    end
  end
  RubyMemcheck::TestTaskReporter.prepend(Reports)

  REPORTS = 'tmp/memcheck'

  OPTIONS = '--require ./spec/support/valgrind.rb --tag ~no_valgrind'

  class << self
    # Runs these specs; aborts when valgrind has something to say, after the report.
    def run(files)
      invoke(files, OPTIONS)
      puts 'memcheck: valgrind found no error and no leak of the extension in these specs'
    rescue RuntimeError => e
      abort "memcheck: #{e.message}"
    end

    # Proves that it would find a leak: one is planted in a build of the extension that nobody ships.
    def prove
      report = StringIO.new
      ENV['TASKER_TORTURE_EXTENSION'] = TortureExtension.plain
      ENV['RUBYOPT'] = "#{ENV.fetch('RUBYOPT', '')} -r./spec/support/torture/load"
      invoke('spec/support/torture/planted_leak.rb', nil, report)
      abort 'awake: valgrind over RSpec is ASLEEP: it passes a planted leak'
    rescue RuntimeError
      raise unless report.string.match?(/definitely lost.*plant \(torture\.c/m)

      puts 'awake: and valgrind over RSpec found the planted leak'
    end

    private

    def configuration(report)
      FileUtils.rm_rf(REPORTS) # of a run that was broken off
      RubyMemcheck::Configuration.new(binary_name: 'tasker_native', skipped_ruby_functions: [//], temp_dir: REPORTS,
                                      valgrind_suppressions_dir: 'spec/support/valgrind', output_io: report)
    end

    def invoke(files, options, report = $stderr)
      RubyMemcheck::RSpec::RakeTask.new(configuration(report), 'torture:specs') do |task|
        task.pattern = files
        task.verbose = false
        task.rspec_opts = options
      end
      Rake::Task['torture:specs'].invoke
    end
  end
end
