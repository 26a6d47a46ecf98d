# frozen_string_literal: true

require 'net/http'
require 'openssl'
require 'socket'
require 'uri'

require_relative 'metrics_push/group'

module Tasker
  module Native
    # Pushes the metrics of the app to a Prometheus Pushgateway, for processes that end before anybody scrapes them. The
    # setting +prometheus+ says where and how. What the gateway had of the same job and instance is replaced (HTTP PUT).
    #
    # What can't be delivered is tried again, with growing intervals, while the gateway can't be reached or answers 429
    # or 5xx: +retry_attempts+ more times, each for at most +export_timeout+, +job_timeout+ seconds in all.
    #
    # @example At the end of a script
    #   Tasker::Native::MetricsPush.new.push
    # @note Blocks the thread, not the process: other threads run.
    class MetricsPush
      # Metrics could not be delivered; the message says why, and what to do next.
      class Failed < Error; end

      # The gateway can't be reached, or asks for patience.
      class Unavailable < Error
        # @return [Float, nil] seconds that it asks for
        attr_reader :wait

        # @param message [String]
        # @param wait [Float, nil]
        def initialize(message, wait = nil)
          @wait = wait
          super(message)
        end
      end
      private_constant :Unavailable

      # What was delivered.
      #
      # @!attribute [r] url
      #   @return [String] without credentials
      # @!attribute [r] samples
      #   @return [Integer] lines with a value
      # @!attribute [r] tries
      #   @return [Integer]
      # @!attribute [r] seconds
      #   @return [Float] for all of it
      Delivery = Struct.new(:url, :samples, :tries, :seconds, keyword_init: true) do
        # @return [String]
        def to_s
          return 'There is nothing to push: no metrics were recorded.' if samples.zero?

          format('Pushed %<samples>d samples to %<url>s in %<seconds>.2f s.', **to_h)
        end
      end

      UNREACHABLE = [SystemCallError, SocketError, IOError, Timeout::Error, OpenSSL::SSL::SSLError, Net::ProtocolError,
                     Net::HTTPBadResponse, Net::HTTPHeaderSyntaxError].freeze
      HEADERS = { 'content-type' => 'text/plain; version=0.0.4; charset=utf-8',
                  'user-agent' => "tasker-native/#{VERSION}" }.freeze
      FIRST_WAIT = 0.5 # seconds, then twice as long each time
      LONGEST_WAIT = 30.0
      SHOWN = 200 # characters of an answer
      NEXT = {
        401 => 'check username and password of tel.prometheus', 403 => 'check username and password of tel.prometheus',
        404 => 'tel.prometheus[:endpoint] must be the address of a Pushgateway, as http://pushgateway:9091',
        405 => 'tel.prometheus[:endpoint] must be the address of a Pushgateway, as http://pushgateway:9091'
      }.freeze
      private_constant :UNREACHABLE, :HEADERS, :FIRST_WAIT, :LONGEST_WAIT, :SHOWN, :NEXT

      # @param settings [Settings]
      # @param pause [#call] is given the seconds to wait before the next try
      def initialize(settings = Native.runtime.settings, pause: Kernel.method(:sleep))
        @settings = settings
        @pause = pause
      end

      # Pushes; a failure is a line in the log.
      #
      # @return [Boolean] whether the gateway has them now
      def push
        push!
        true
      rescue Failed => e
        Native.logger.warn("tasker-native: #{e.message}")
        false
      end

      # Pushes, and says what it did.
      #
      # @param text [String, nil] in Prometheus' format; nil: what all processes of the app have recorded
      # @return [Delivery]
      # @raise [Failed]
      def push!(text = nil)
        started = clock
        url = group.shown
        text = prefixed(text || MetricsExport.text(:prometheus))
        samples = text.each_line.count { |line| !line.start_with?('#') }
        tries = samples.zero? ? 0 : deliver(text, started + options[:job_timeout])
        Delivery.new(url: url, samples: samples, tries: tries, seconds: clock - started)
      end

      private

      def options
        @settings.prometheus
      end

      def group
        @group ||= Group.new(options, @settings.service_name)
      rescue Group::Missing => e
        raise Failed, e.message
      end

      # Every name has it, as tasker-engine's pushed ones.
      def prefixed(text)
        prefix = options[:metric_prefix] or return text
        text.gsub(/^(# (?:HELP|TYPE) )?(?=[a-zA-Z_])/) { "#{Regexp.last_match(1)}#{prefix}_" }
      end

      def deliver(text, deadline)
        tries = 0
        begin
          tries += 1
          put(text, [deadline - clock, options[:export_timeout]].min)
          tries
        rescue Unavailable => e
          wait = e.wait || ([FIRST_WAIT * (2**(tries - 1)), LONGEST_WAIT].min * rand(0.5..1.0))
          give_up(e, tries) if tries > options[:retry_attempts] || clock + wait >= deadline

          @pause.call(wait)
          retry
        end
      end

      def give_up(error, tries)
        raise Failed, "metrics could not be pushed to #{group.shown}: #{error.message}, #{tries} times. " \
                      'Next: check that the Pushgateway runs and can be reached from here.'
      end

      def put(text, seconds)
        Timeout.timeout(seconds) { judge(*answer(text, seconds)) }
      rescue *UNREACHABLE => e
        # A wrong certificate is told, whose names and dates are no secrets.
        raise Unavailable, "#{e.class}: #{shown(Runtime.message_of(e))}"
      end

      def answer(text, seconds)
        http = Net::HTTP.new(group.uri.hostname, group.uri.port)
        http.use_ssl = group.uri.scheme == 'https'
        http.max_retries = 0
        http.open_timeout = http.ssl_timeout = http.read_timeout = http.write_timeout = seconds
        http.start do
          http.request(request(text)) { |response| return [response, start_of(response)] }
        end
      end

      def request(text)
        request = Net::HTTP::Put.new(group.uri.request_uri, HEADERS)
        request.basic_auth(*group.credentials) if group.credentials
        request.body = text
        request
      end

      # No more of it than is shown.
      def start_of(response)
        body = +''
        response.read_body do |part|
          body << part
          break if body.bytesize > 4 * SHOWN
        end
        body
      end

      def judge(response, body)
        code = response.code.to_i
        return if (200..299).cover?(code)

        told = "it answered #{code} #{shown("#{response.message}: #{body}")}".chomp(': ')
        raise Unavailable.new(told, seconds_of(response)) if code == 429 || code >= 500

        raise Failed, "metrics were not taken by #{group.shown}: #{told}. " \
                      "Next: #{NEXT.fetch(code, 'see what it says, and its own log')}."
      end

      def seconds_of(response)
        text = response['retry-after'].to_s
        text.match?(/\A\d{1,9}\z/) ? text.to_f : nil
      end

      # One line of it, without secrets.
      def shown(text)
        line = text.dup.force_encoding(Encoding::UTF_8).scrub.gsub(/[^[:graph:]]+/, ' ')[0, SHOWN].strip
        secret = group.credentials&.last.to_s
        line = line.gsub(secret, @settings.filter_mask) unless secret.empty?
        Native.filter.clean(line)
      end

      def clock
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end
    end
  end
end
