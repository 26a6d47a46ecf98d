# frozen_string_literal: true

module Tasker
  module Native
    class Doctor
      # How far towards the collector one comes: DNS, TCP, TLS for https, an export without spans; and what the clock
      # there says.
      #
      # @api private
      class CollectorCheck
        STAGES = { 'DNS' => :resolved, 'TCP' => :connected, 'TLS' => :secured, 'export' => :answered }.freeze
        ADVICE = {
          'DNS' => 'check the name in tel.otlp_endpoint (OTEL_EXPORTER_OTLP_ENDPOINT), and this machine\'s resolver',
          'TCP' => 'start a collector there (4318 is HTTP, 4317 is gRPC), or set tel.otlp_endpoint',
          'TLS' => 'check tel.otlp_certificate, tel.otlp_client_certificate and tel.otlp_client_key, and whether the ' \
                   'endpoint speaks https',
          'export' => 'check that an OTLP/HTTP receiver is there (4318 is HTTP, 4317 is gRPC)'
        }.freeze
        STATUS_ADVICE = {
          401 => 'check tel.otlp_headers', 403 => 'check tel.otlp_headers',
          404 => 'check the path: /v1/traces is appended to tel.otlp_endpoint, and nothing to the per-signal variable',
          415 => 'the receiver takes no OTLP in protobuf', 429 => 'the collector is busy: ask again later',
          503 => 'the collector is busy, or starting: ask again later'
        }.freeze
        MAX_SKEW = 5 # seconds
        private_constant :STAGES, :ADVICE, :STATUS_ADVICE, :MAX_SKEW

        # @param options [Hash] of Pipeline.configure
        # @param seconds [Numeric] at most
        def initialize(options, seconds)
          @options = options
          @seconds = seconds
          @url = URI(options[:otlp_url])
        end

        # @return [Array<Finding>]
        def findings
          started = Time.now
          @probe = Collector.probe(@options, @seconds)
          asked_at = started.to_f + ((Time.now - started) / 2)
          [*reached.map { |stage| passed(stage) }, last, *skipped, clock(asked_at)].compact
        rescue Native::Error => e
          [Finding.new('endpoint', :problem, "#{shown_url}: #{e.message}", 'check tel.otlp_endpoint')]
        end

        private

        def stages
          @url.scheme == 'https' ? STAGES.keys : STAGES.keys - ['TLS']
        end

        # Where it ended: at the export, if there was an answer.
        def end_stage
          @end_stage ||= (stages.find { |stage| missed?(stage) } unless @probe[:status]) || 'export'
        end

        # libcurl may tell the time of a connection only once it is secured.
        def missed?(stage)
          @probe[STAGES[stage]].zero? && !(stage == 'TCP' && @probe[:address])
        end

        def reached
          stages.take_while { |stage| stage != end_stage }
        end

        def skipped
          stages.drop(reached.size + 1).map { |stage| Finding.new(stage, :skipped, 'not reached') }
        end

        def passed(stage)
          time = @probe[STAGES[stage]]
          milliseconds = format(', %.1f ms', time * 1000) if time.positive?
          what = case stage
                 when 'DNS' then [@url.host, @probe[:address]].compact.join(' is ')
                 when 'TCP' then "port #{@url.port}"
                 else 'verified'
                 end
          Finding.new(stage, :ok, "#{what}#{milliseconds}")
        end

        def last
          status = @probe[:status]
          return Finding.new(end_stage, :problem, "#{shown_url}: #{@probe[:error]}", ADVICE[end_stage]) unless status

          text = "#{shown_url} answered #{status}#{format(', %.1f ms', @probe[:answered] * 1000)}"
          return Finding.new('export', :ok, text) if (200..299).cover?(status)

          Finding.new('export', :problem, text, STATUS_ADVICE.fetch(status, ADVICE['export']))
        end

        def clock(asked_at)
          return unless @probe[:date]

          ahead = asked_at - @probe[:date]
          text = format('%+.0f s from the collector\'s', ahead)
          return Finding.new('clock', :ok, text) if ahead.abs <= MAX_SKEW

          Finding.new('clock', :warning, text, 'let both machines follow an NTP server: spans tell the clock\'s time')
        end

        # Without user, password and query.
        def shown_url
          "#{@url.scheme}://#{@url.host}:#{@url.port}#{@url.path}"
        end
      end
    end
  end
end
