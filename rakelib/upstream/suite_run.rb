# frozen_string_literal: true

require 'digest'
require 'fileutils'
require 'json'
require_relative '../../spec/support/postgresql'

module Upstream
  # One run of tasker-engine's specs, in the order in which its files have them, on a PostgreSQL of its own.
  class SuiteRun
    DATABASE = 'tasker_engine_test'
    SCHEMA = 'spec/dummy/db/structure.sql'

    # @param checkout [String] a directory with tasker-engine's repository
    # @param directory [String] for the log and the results
    # @param native [Boolean] with this gem, or without
    def initialize(checkout, directory, native:)
      @checkout = checkout
      @native = native
      @log = File.join(directory, "#{name}.log")
      @output = File.join(directory, "#{name}.json")
      @dots = File.join(directory, "#{name}.dots")
    end

    def name
      @native ? 'with' : 'without'
    end

    # @param specs [Array<String>] files or folders of the checkout; none: all
    # @return [self]
    def start(specs)
      FileUtils.rm_f([@output, @dots])
      @server = PostgreSQL.new.start
      create_database
      pid = spawn(environment, 'bundle', 'exec', 'rspec', *options, *specs, chdir: @checkout, in: File::NULL,
                                                                            %i[out err] => @log)
      @rspec = Process.detach(pid)
      self
    end

    def running?
      @rspec.alive?
    end

    # @return [String] how many examples are through
    def progress
      dots = File.exist?(@dots) ? File.open(@dots, &:gets).to_s.chomp : ''
      "#{name}: #{dots.size}"
    end

    # @return [Hash{String=>Hash}] by its id: what RSpec reports of each example
    # @raise [RuntimeError] when there were errors outside of examples
    def results
      report = JSON.parse(File.read(@output))
      errors = report.dig('summary', 'errors_outside_of_examples_count')
      raise "#{name}: #{errors} errors outside of examples\n#{report['messages'].join}" if errors.positive?

      report['examples'].to_h { |example| [example['id'], example] }
    rescue Errno::ENOENT
      raise "#{name}: RSpec gave no results\n#{File.readlines(@log).last(40).join}"
    end

    # @return [void]
    def stop
      @server&.stop
    end

    private

    # By psql, with the note that Rails looks for: its own tasks boot the app, and wait at their end for a collector
    # that isn't there.
    def create_database
      schema = File.join(@checkout, SCHEMA)
      psql('postgres', '-c', "CREATE DATABASE #{DATABASE}")
      psql(DATABASE, '-f', schema, '-c', <<~SQL)
        INSERT INTO public.ar_internal_metadata VALUES ('schema_sha1', '#{Digest::SHA1.file(schema).hexdigest}', now(), now())
      SQL
    end

    def psql(database, *arguments)
      system('psql', '-q', '-v', 'ON_ERROR_STOP=1', '-h', @server.directory, '-U', PostgreSQL::USER, '-d', database,
             *arguments, exception: true, out: File::NULL)
    end

    def options
      ['--order', 'defined', '--format', 'json', '--out', @output, '--format', 'progress', '--out', @dots]
    end

    def environment
      { 'RAILS_ENV' => 'test', 'DATABASE_HOST' => @server.directory, 'POSTGRES_USER' => PostgreSQL::USER,
        'TASKER_NATIVE' => @native ? nil : 'off' }
    end
  end
end
