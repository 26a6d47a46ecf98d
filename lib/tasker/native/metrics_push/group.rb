# frozen_string_literal: true

module Tasker
  module Native
    class MetricsPush
      # Where a Pushgateway keeps what is pushed: +/metrics/job/JOB/instance/INSTANCE+ below its address, or the address
      # itself where that says so already.
      #
      # @api private
      class Group
        # There is no address.
        class Missing < Error; end

        PLAIN = /\A[a-zA-Z0-9_-][a-zA-Z0-9_.-]*\z/
        COMPLETE = %r{/metrics/job(@base64)?/}
        private_constant :PLAIN, :COMPLETE

        # @return [URI::HTTP]
        attr_reader :uri

        # @return [Array(String, String), nil] a name and a password
        attr_reader :credentials

        # @param options [Hash] the setting +prometheus+
        # @param service_name [String]
        # @raise [Missing]
        def initialize(options, service_name)
          options[:endpoint] or
            raise Missing, 'metrics can be pushed nowhere. Next: set tel.prometheus = { endpoint: } to the address ' \
                           'of a Pushgateway, as http://pushgateway:9091.'

          @uri = URI(options[:endpoint].to_s)
          @credentials = credentials_of(options)
          @uri.path = path_of(options, service_name) unless @uri.path.match?(COMPLETE)
        end

        # @return [String] the address as it may be shown
        def shown
          "#{uri.scheme}://#{uri.host}:#{uri.port}#{uri.path}"
        end

        private

        # Those of the settings, else those of the address.
        def credentials_of(options)
          return options.values_at(:username, :password).map(&:to_s) if options[:username]

          @uri.userinfo&.split(':', 2)&.then { |name, password| [name, password.to_s].map { |text| unescape(text) } }
        end

        def unescape(text)
          text.gsub(/%\h\h/) { |code| code[1..].hex.chr }
        end

        def path_of(options, service_name)
          labels = { job: options[:job] || service_name }
          labels[:instance] = options[:instance] || Socket.gethostname if options[:include_instance_labels]
          [@uri.path.chomp('/'), 'metrics', *labels.flat_map { |name, value| segments(name, value) }].join('/')
        end

        # A slash, or a dot in front, would lead elsewhere; RFC 4648, section 5 is how the gateway takes such text.
        def segments(name, value)
          return [name, value] if value.match?(PLAIN)

          ["#{name}@base64", [value].pack('m0').tr('+/', '-_')]
        end
      end
    end
  end
end
