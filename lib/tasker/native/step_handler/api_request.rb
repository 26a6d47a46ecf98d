# frozen_string_literal: true

require 'erb'

module Tasker
  module Native
    module StepHandler
      # The request that a step's template describes, with values of the task's context in the places of +{name}+.
      #
      # @api private
      class ApiRequest
        PLACE = /\{(\w+)\}/
        private_constant :PLACE

        # @param config [ApiConfig]
        # @param task [#context, nil]
        def initialize(config, task)
          @config = config
          @context = (task.context if task.respond_to?(:context)) || {}
        end

        # @param connection [Faraday::Connection]
        # @return [Faraday::Response]
        def send_by(connection)
          query = filled(@config.params)
          connection.run_request(@config.request_method.to_sym, path, body, nil) do |request|
            request.params.update(query) if query.any?
          end
        end

        private

        # Relative, so that a path of the URL stays in front. nil: the URL itself.
        def path
          filled = @config.path.sub(%r{\A/+}, '').gsub(PLACE) { segment(Regexp.last_match(1)) }
          filled.empty? ? nil : filled
        end

        # One part of a path: a value must not lead elsewhere.
        def segment(name)
          text = value_of(name).to_s
          if text.empty? || text.match?(/\A\.\.?\z/)
            raise PermanentError.new("the path #{@config.path} can't have #{text.inspect} for {#{name}}",
                                     error_code: 'INVALID_CONTEXT')
          end
          ERB::Util.url_encode(text)
        end

        def body
          filled(@config.body)
        end

        # A text that is nothing but a place becomes the value as it is.
        def filled(value)
          case value
          when Hash then value.transform_values { |one| filled(one) }
          when Array then value.map { |one| filled(one) }
          when /\A#{PLACE}\z/o then value_of(value[1..-2])
          when String then value.gsub(PLACE) { value_of(Regexp.last_match(1)).to_s }
          else value
          end
        end

        def value_of(name)
          return @context[name] if @context.key?(name)

          @context.fetch(name.to_sym) do
            raise PermanentError.new("the step's template names {#{name}}, which the task's context does not have",
                                     error_code: 'MISSING_CONTEXT')
          end
        end
      end
    end
  end
end
