# frozen_string_literal: true

require 'optparse'

require_relative 'doctor'
require_relative 'spool_directory'

module Tasker
  module Native
    # The program `tasker-native`, for where there is no Rails.
    #
    # @api private
    class CommandLine
      USAGE = <<~TEXT
        Usage: tasker-native spool DIRECTORY [list|verify|drain] [options]
               tasker-native doctor [options]

          spool DIRECTORY list      what waits there for a collector (the default)
          spool DIRECTORY verify    whether all of it is intact; exit code 1 when it is not
          spool DIRECTORY drain     deliver what no living process has; exit code 1 when something is left
          doctor                    whether the collector can be reached as OTEL_* variables say; exit code 1 when not

        Where to: OTEL_EXPORTER_OTLP_ENDPOINT, _HEADERS, _CERTIFICATE, ... , or

      TEXT
      private_constant :USAGE

      # What was given is no command; the message says why.
      class Mistake < StandardError; end

      # @param arguments [Array<String>]
      # @param io [IO]
      # @param err [IO]
      def initialize(arguments, io: $stdout, err: $stderr)
        @arguments = arguments
        @io = io
        @err = err
      end

      # @return [Boolean] whether it went well
      def run
        words = parser.parse(@arguments)
        return @io.puts(@answer) || true if @answer

        command(*words)
      rescue OptionParser::ParseError, Mistake, ConfigurationError => e
        @err.puts "tasker-native: #{e.message}. `tasker-native --help` tells what there is."
        false
      rescue SpoolDirectory::Unavailable => e
        @err.puts e.message
        false
      rescue Errno::EPIPE
        true # a pager was left
      end

      private

      def parser
        OptionParser.new do |options|
          options.banner = USAGE
          options.on('--endpoint URL', 'such as http://localhost:4318') { |url| settings.otlp_endpoint = url }
          options.on('--max-age SECONDS', Float, 'drop what is older (86400)') { |age| settings.spool_max_age = age }
          options.on('--version', 'the version of the gem') { @answer = "tasker-native #{VERSION}" }
          options.on('--help', '-h', 'this text') { @answer = options.to_s }
        end
      end

      def settings
        @settings ||= Settings.new.configure_telemetry(exporter: :otlp)
      end

      def command(name = nil, *words)
        case name
        when 'spool' then spool(*words)
        when 'doctor' then Doctor.new(settings).print(io: @io)
        when nil then raise Mistake, 'a command is missing'
        else raise Mistake, "there is no command #{name.inspect}"
        end
      end

      def spool(path = nil, action = 'list', *rest)
        raise Mistake, 'spool: a directory is missing' unless path
        raise Mistake, "spool: #{rest.first.inspect} is too much" if rest.any?

        directory = SpoolDirectory.new(path)
        case action
        when 'list' then directory.list(io: @io) || true
        when 'verify' then directory.verify(io: @io)
        when 'drain' then directory.drain(settings, io: @io)
        else raise Mistake, "spool: there is no #{action.inspect}"
        end
      end
    end
  end
end
