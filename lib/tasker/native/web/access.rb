# frozen_string_literal: true

require 'openssl'

module Tasker
  module Native
    module Web
      # Who may read metrics: everybody, unless +metrics_auth_required+; then who +metrics_auth+ lets in: a name and a
      # password (basic authentication, RFC 7617, compared in constant time), or a callable that is given the Rack
      # environment. Without either, nobody.
      #
      # @api private
      class Access
        # @param settings [Settings]
        def initialize(settings)
          @settings = settings
        end

        # @param env [Hash] of Rack
        # @return [String, nil] why not; nil: come in
        def denial(env)
          return unless @settings.metrics_auth_required

          auth = @settings.metrics_auth
          return nobody unless auth

          allowed = auth.respond_to?(:call) ? auth.call(env) : knows_password?(env, auth)
          'Who are you?' unless allowed
        end

        private

        def nobody
          @settings.warn_once('config.telemetry.metrics_auth_required is true, but metrics_auth is not set: nobody ' \
                              'may read metrics. Set it to { username:, password: } or to a callable.')
          'Nobody may read metrics: tel.metrics_auth is not set.'
        end

        def knows_password?(env, auth)
          scheme, credentials = env['HTTP_AUTHORIZATION'].to_s.split(' ', 2)
          return false unless scheme.to_s.casecmp?('basic')

          username, password = credentials.to_s.unpack1('m').split(':', 2)
          # Both are always compared, so that neither's time says anything.
          same?(username, auth[:username]) & same?(password, auth[:password])
        end

        def same?(given, wanted)
          OpenSSL.secure_compare(given.to_s.b, wanted.to_s.b)
        end
      end
    end
  end
end
