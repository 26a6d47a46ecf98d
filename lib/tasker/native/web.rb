# frozen_string_literal: true

require 'json'
require 'zlib'

require_relative 'web/access'

module Tasker
  module Native
    # A Rack app: +GET /metrics+ is what all processes of the app have recorded, +GET /health+ says that this one runs.
    #
    # Prometheus gets its text (0.0.4), or OpenMetrics with exemplars where it asks for that; +?format=json+ and
    # +?format=csv+ are the other formats. Answers are compressed for who takes that. With +metrics_auth_required+,
    # {Access} decides who may read metrics.
    #
    # @example config/routes.rb
    #   mount Tasker::Native::Web => '/tasker'
    # @note Any thread. While metrics are written, other threads run.
    module Web
      OPENMETRICS = 'application/openmetrics-text'
      CONTENT_TYPES = {
        prometheus: 'text/plain; version=0.0.4; charset=utf-8',
        openmetrics: "#{OPENMETRICS}; version=1.0.0; charset=utf-8",
        json: 'application/json',
        csv: 'text/csv; charset=utf-8'
      }.freeze
      LEAST_COMPRESSED = 1024 # bytes
      private_constant :OPENMETRICS, :CONTENT_TYPES, :LEAST_COMPRESSED

      # The page of metrics alone, for wherever it is mounted.
      Metrics = ->(env) { Web.guarded(env) { Web.metrics(env) } }

      class << self
        # @param env [Hash] of Rack
        # @return [Array(Integer, Hash, Array<String>)]
        def call(env)
          case env['PATH_INFO'].to_s.chomp('/')
          when '/metrics' then Metrics.call(env)
          when '/health' then guarded(env) { health }
          else answer(404, 'There are /metrics and /health here.')
          end
        end

        # @api private
        # @param env [Hash] of Rack
        # @return [Array]
        def metrics(env)
          settings = Native.runtime.settings
          denied = Access.new(settings).denial(env)
          return answer(401, denied, 'www-authenticate' => 'Basic realm="metrics", charset="UTF-8"') if denied
          return answer(503, 'Metrics are off: tel.metrics_enabled is false.') unless settings.metrics_enabled

          format = format_for(env, settings) or return answer(400, "There is no such format. #{formats}")
          compressed(env, MetricsExport.text(format), CONTENT_TYPES[format])
        end

        # Only what reads; a failure is an answer, too.
        #
        # @api private
        # @param env [Hash] of Rack
        # @return [Array]
        def guarded(env)
          method = env['REQUEST_METHOD']
          return answer(405, 'Only GET and HEAD.', 'allow' => 'GET, HEAD') unless %w[GET HEAD].include?(method)

          status, headers, body = yield
          [status, headers, method == 'HEAD' ? [] : body]
        rescue *ISOLATED_ERRORS => e
          Native.logger.error("tasker-native: a page could not be made: #{e.class}: #{Native.runtime.shown_message(e)}")
          answer(500, 'The page could not be made. The log says why.')
        end

        private

        def health
          spans = Native.stats.slice(:accepted, :exported, :spooled, :dropped, :in_flight)
          metrics = Native::Metrics.stats.slice(:instruments, :series, :overflowed, :damaged, :shared)
          text = JSON.generate(status: 'ok', version: VERSION, spans: spans, metrics: metrics)
          [200, { 'content-type' => 'application/json', 'cache-control' => 'no-store' }, [text]]
        end

        def format_for(env, settings)
          asked = env['QUERY_STRING'].to_s[/(?:\A|&)format=([^&]*)/, 1]
          return MetricsExport::FORMATS.find { |format| format.to_s == asked } if asked
          return :openmetrics if env['HTTP_ACCEPT'].to_s.include?(OPENMETRICS)

          MetricsExport::FORMATS.find { |format| format.to_s == settings.metrics_format.to_s } || :prometheus
        end

        def formats
          "There are #{MetricsExport::FORMATS.join(', ')}."
        end

        def compressed(env, text, type)
          headers = { 'content-type' => type, 'cache-control' => 'no-store', 'vary' => 'accept, accept-encoding' }
          return [200, headers, [text]] unless text.bytesize >= LEAST_COMPRESSED && takes_gzip?(env)

          [200, headers.merge('content-encoding' => 'gzip'), [Zlib.gzip(text, level: 1)]]
        end

        # RFC 9110, section 12.5.3; a weight of 0 is a refusal.
        def takes_gzip?(env)
          env['HTTP_ACCEPT_ENCODING'].to_s.split(',').any? do |coding|
            coding.match?(/\A\s*(gzip|\*)\s*(;\s*q=(?!0(\.0*)?\s*\z).*)?\z/i)
          end
        end

        def answer(status, text, headers = {})
          [status, { 'content-type' => 'text/plain; charset=utf-8', 'cache-control' => 'no-store', **headers },
           ["#{text}\n"]]
        end
      end
    end
  end
end
