# frozen_string_literal: true

require_relative 'api_retries'

module Tasker
  module Native
    module StepHandler
      # The Faraday client that an {ApiConfig} describes.
      #
      # @api private
      module ApiConnection
        # @return [void]
        # @raise [ConfigurationError] when the gem is not there
        def self.require_faraday
          require 'faraday'
        rescue LoadError => e
          raise ConfigurationError, 'Tasker::StepHandler::Api needs the gem faraday. Next: add the line ' \
                                    "gem 'faraday', '~> 2.0' to the Gemfile, and run bundle install. (#{e.message})"
        end

        # @param config [ApiConfig]
        # @param customize [Proc, nil] is given the client
        # @return [Faraday::Connection]
        # @raise [ConfigurationError] without an url
        def self.build(config, customize)
          raise ConfigurationError, 'the config of a StepHandler::Api has no url' if config.url.to_s.empty?

          Faraday.new(**options(config)) do |connection|
            connection.request :json
            connection.request :url_encoded # for who sets that Content-Type
            connection.use ApiRetries, config
            customize&.call(connection)
          end
        end

        def self.options(config)
          { url: config.url, params: config.params, headers: config.headers, ssl: config.ssl&.transform_keys(&:to_sym),
            request: { timeout: config.timeout, open_timeout: config.open_timeout }.compact }.compact
        end
        private_class_method :options
      end
    end
  end
end
