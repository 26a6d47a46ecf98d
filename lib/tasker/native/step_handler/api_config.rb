# frozen_string_literal: true

require 'uri'

require_relative 'backoff'

module Tasker
  module Native
    module StepHandler
      # What the template of an API step says (its +handler_config+): where its client connects, which request it makes
      # by itself, and how it tries again. Values that don't fit raise when the handler is made.
      class ApiConfig
        METHODS = %w[get head post put patch delete options].freeze
        HEADERS = { 'Content-Type' => 'application/json', 'Accept' => 'application/json' }.freeze
        RETRIES = { limit: 0, delay: nil, max_delay: 60, exponential: nil, jitter: nil }.freeze
        WAITS = %i[delay max_delay].freeze
        private_constant :METHODS, :HEADERS, :RETRIES, :WAITS

        # @return [String] http or https; a path in it is kept in front of +path+
        attr_accessor :url
        # @return [Hash] parameters of the query, of every request
        attr_accessor :params
        # @return [Hash, nil] Faraday's options: verify, ca_file, client_cert, client_key, ...
        attr_accessor :ssl
        # @return [Hash] of every request, besides +Content-Type+ and +Accept+ for JSON
        attr_accessor :headers
        # @return [Numeric] seconds before the second try
        attr_accessor :retry_delay
        # @return [Boolean] whether each further wait is twice as long; false: no backoff but what a server asks for
        attr_accessor :enable_exponential_backoff
        # @return [Float] the part of a wait, 0.0 to 1.0, of which a random share is left out
        attr_accessor :jitter_factor

        # @return [String] get, post, ...: of the request that +process+ makes
        attr_reader :request_method
        # @return [String] of that request; +{name}+ stands for a value of the task's context
        attr_reader :path
        # @return [Hash, Array, String, nil] of that request, sent as JSON; +{name}+ as in +path+
        attr_reader :body
        # @return [Numeric, nil] seconds for a request
        attr_reader :timeout
        # @return [Numeric, nil] seconds for its connection
        attr_reader :open_timeout
        # @return [Hash] of tries within one attempt: limit, delay, max_delay, exponential, jitter
        attr_reader :retries

        # @param value [ApiConfig, Hash, #to_h, #url, nil] what is nil in it has its default
        # @return [ApiConfig]
        # @raise [ConfigurationError]
        def self.from(value)
          return value if value.is_a?(ApiConfig)

          fields = value.respond_to?(:to_h) ? pairs_of(value) : answers_of(value)
          return new(**fields.compact) if fields

          raise ConfigurationError, "config of a StepHandler::Api must be a Hash with names as keys, not #{value.class}"
        end

        # @return [Hash{Symbol=>Object}, nil] of a Hash or a Struct
        def self.pairs_of(value)
          value.to_h.transform_keys(&:to_sym)
        rescue NoMethodError, TypeError
          nil
        end

        # @return [Hash{Symbol=>Object}, nil] of an object with a method for each
        def self.answers_of(value)
          names = instance_method(:initialize).parameters.filter_map { |kind, name| name if kind == :key } - [:method]
          answers = names.select { |name| value.respond_to?(name) }.to_h { |name| [name, value.public_send(name)] }
          answers unless answers.empty?
        end
        private_class_method :pairs_of, :answers_of

        # @param url [String, nil] http or https
        # @param params [Hash, nil] of the query, of every request
        # @param ssl [Hash, nil] Faraday's options
        # @param headers [Hash, nil] of every request, besides those for JSON
        # @param enable_exponential_backoff [Boolean] whether each further wait is twice as long
        # @param retry_delay [Numeric] seconds before the second try
        # @param jitter_factor [Numeric] 0.0 to 1.0, the part of a wait of which a random share is left out
        # @param method [String, Symbol] of the request that +process+ makes
        # @param path [String] of that request
        # @param body [Hash, Array, String, nil] of that request
        # @param timeout [Numeric, nil] seconds for a request
        # @param open_timeout [Numeric, nil] seconds for its connection
        # @param retries [Integer, Hash, nil] how often to try again within an attempt (0 to 20), or limit: and more
        # @param others [Hash] the handler's own: +config[:name]+
        # @raise [ConfigurationError]
        def initialize(url: nil, params: {}, ssl: nil, headers: {}, enable_exponential_backoff: true, retry_delay: 1.0,
                       jitter_factor: 0.25, method: 'get', path: '', body: nil, timeout: nil, open_timeout: nil,
                       retries: 0, **others)
          @url = url
          @params = params || {}
          @ssl = ssl
          @headers = merged_headers(headers || {})
          @enable_exponential_backoff = enable_exponential_backoff
          @retry_delay = retry_delay
          @jitter_factor = jitter_factor
          @request_method = method.to_s.downcase
          @path = path.to_s
          @body = body
          @timeout = timeout
          @open_timeout = open_timeout
          @retries = complete_retries(retries || 0)
          @others = others
          check
        end

        # @param name [Symbol, String]
        # @return [Object, nil] what the template says beyond the names above
        def [](name)
          @others[name.to_sym]
        end

        # @return [Backoff]
        # @api private
        def backoff
          Backoff.new(delay: retries[:delay] || retry_delay, max_delay: retries[:max_delay],
                      exponential: retries[:exponential].nil? ? enable_exponential_backoff : retries[:exponential],
                      jitter: retries[:jitter] || jitter_factor)
        end

        # Says neither headers nor parameters, which may be secret.
        #
        # @return [String]
        def inspect
          "#<#{self.class} #{request_method} #{url.to_s.sub(%r{//[^/]*@}, '//***@').sub(/\?.*/m, '')} #{path}>"
        end

        private

        def merged_headers(headers)
          wrong('headers', 'must be a Hash') unless headers.is_a?(Hash)
          given = headers.transform_keys(&:to_s)
          names = given.keys.map(&:downcase)
          HEADERS.reject { |name, _| names.include?(name.downcase) }.merge(given)
        end

        def complete_retries(retries)
          retries = { limit: retries } unless retries.is_a?(Hash)
          retries = retries.transform_keys(&:to_sym)
          unknown = retries.keys - RETRIES.keys
          wrong('retries', "has no #{unknown.first}: it has #{RETRIES.keys.join(', ')}") if unknown.any?
          RETRIES.merge(retries.compact)
        end

        def check
          wrong('url', 'must be an http or https URL') unless url.nil? || url?
          wrong('method', "must be one of #{METHODS.join(', ')}") unless METHODS.include?(request_method)
          { 'params' => params, 'ssl' => ssl || {} }.each do |name, value|
            wrong(name, 'must be a Hash') unless value.is_a?(Hash)
          end
          check_waits
        end

        def check_waits
          jitters = { jitter_factor: jitter_factor, jitter: retries[:jitter] }
          waits = { retry_delay: retry_delay, timeout: timeout, open_timeout: open_timeout, **retries.slice(*WAITS) }
          limits = { retries: retries[:limit] }
          check_numbers(limits, 0..20, 'an Integer from 0 to 20', Integer)
          check_numbers(jitters, 0..1, 'a number from 0 to 1')
          check_numbers(waits, 0.., 'a number of seconds')
        end

        def check_numbers(values, range, words, kind = Numeric)
          values.compact.each do |name, value|
            wrong(name, "must be #{words}") unless value.is_a?(kind) && range.cover?(value)
          end
        end

        def url?
          uri = URI.parse(url.to_s)
          uri.is_a?(URI::HTTP) && !uri.host.to_s.empty?
        rescue URI::InvalidURIError
          false
        end

        def wrong(name, problem)
          raise ConfigurationError, "config of a StepHandler::Api: #{name} #{problem}"
        end
      end
    end
  end
end
