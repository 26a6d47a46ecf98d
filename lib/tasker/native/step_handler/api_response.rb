# frozen_string_literal: true

require 'json'

module Tasker
  module Native
    module StepHandler
      # An answer as the results of a step: a Hash of +status+, +headers+ and +body+ (parsed, where it is JSON), which
      # a JSON column can hold, and which answers these names as methods, too.
      module ApiResponse
        NOT_KEPT = %w[set-cookie set-cookie2].freeze # they are as good as passwords
        MAX_TOLD_BODY = 8192 # bytes
        private_constant :NOT_KEPT, :MAX_TOLD_BODY

        class << self
          # Leaves the response in the step's results.
          #
          # @param step [#results, #results=]
          # @param response [Faraday::Response]
          # @return [void]
          # @api private
          def keep(step, response)
            step.results = { 'status' => response.status, 'headers' => kept_headers(response),
                             'body' => parsed(response) }
            kept = step.results # a column has made another Hash of it
            kept.extend(self) if kept.is_a?(Hash) && !kept.frozen?
          end

          # @param response [Faraday::Response]
          # @return [Hash] for people: what was asked, and what was answered as far as it can be filtered
          # @api private
          def context_of(response)
            { method: response.env.method.to_s.upcase, path: response.env.url&.path, status: response.status,
              body: (parsed(response) if json?(response) && response.body.to_s.bytesize <= MAX_TOLD_BODY) }.compact
          end

          private

          def parsed(response)
            body = response.body
            return body unless body.is_a?(String)

            body = body.dup.force_encoding(Encoding::UTF_8).scrub
            json?(response) && !body.empty? ? JSON.parse(body) : body
          rescue JSON::ParserError
            body
          end

          def json?(response)
            response.headers['content-type'].to_s.match?(%r{\A\s*[\w.+-]+/(?:[\w.+-]+\+)?json\b}i)
          end

          def kept_headers(response)
            response.headers.to_h.transform_keys { |name| name.to_s.downcase }.except(*NOT_KEPT)
          end
        end

        # @return [Integer]
        def status
          self['status']
        end

        # @return [Hash{String=>String}] names in lower case
        def headers
          self['headers']
        end

        # @return [Object]
        def body
          self['body']
        end
      end
    end
  end
end
