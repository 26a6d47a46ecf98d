# frozen_string_literal: true

module Tasker
  module Native
    # The OTEL_* variables (OpenTelemetry specification, "Environment Variable Specification" and "OpenTelemetry
    # Protocol Exporter"). A variable that is empty counts as not set; a bad value gives one warning and the default.
    #
    # @api private
    module Environment
      module_function

      # The first of these variables that is set. It need not be valid text.
      #
      # @param names [Array<String>] of variables
      # @return [String, nil] without blanks around it
      def text(*names)
        values = names.filter_map { |name| ENV.fetch(name, nil) }
        values.map { |value| value.b.strip.force_encoding(Encoding::UTF_8) }.find { |value| !value.empty? }
      end

      # @return [Boolean] whether OTEL_SDK_DISABLED is true
      def disabled?
        text('OTEL_SDK_DISABLED')&.casecmp?('true') || false
      end

      # @param kind [Setting::Kind] which numbers are good
      # @return [Integer, nil]
      def count(kind, *names)
        parse(names) { |value| Integer(value, 10).then { |number| number if kind.accepts?(number) } }
      end

      # Milliseconds, as the specification has them, in seconds.
      #
      # @param kind [Setting::Kind] which seconds are good
      # @return [Float, nil]
      def milliseconds(kind, *names)
        parse(names) { |value| Integer(value, 10).fdiv(1000).then { |seconds| seconds if kind.accepts?(seconds) } }
      end

      # @return [String, nil] one of these
      def one_of(allowed, *names)
        parse(names) { |value| value.downcase if allowed.include?(value.downcase) }
      end

      # @return [Array<String>, nil] some of these, separated by commas
      def list_of(allowed, *names)
        parse(names) do |value|
          list = value.downcase.split(',').map(&:strip)
          list if list.any? && (list - allowed).empty?
        end
      end

      # "key=value,key=value", percent-decoded.
      #
      # @return [Hash{String=>String}]
      def pairs(*names)
        parse(names) { |value| value.split(',').to_h { |pair| decode_pair(pair) } } || {}
      end

      # As pairs, fit for HTTP.
      #
      # @return [Hash{String=>String}]
      def headers(*names)
        parse(names) do |value|
          headers = value.split(',').to_h { |pair| decode_pair(pair) }
          headers if Setting::HEADERS.accepts?(headers)
        end || {}
      end

      # @return [String, nil] of a file
      def path(*names)
        parse(names) { |value| value if Setting::PATH.accepts?(value) }
      end

      # @return [String, nil]
      def url(*names)
        parse(names) { |value| value if Setting::URL.accepts?(value) }
      end

      # @return [Array<String>] variables whose values could not be used, of those that were asked for
      def bad_variables
        warned.dup
      end

      # For tests: the next bad value is warned of again.
      #
      # @return [void]
      def forget_warnings
        warned.clear
      end

      class << self
        private

        def parse(names)
          value = text(*names) or return
          parsed = begin
            yield value
          rescue ArgumentError
            nil
          end
          warn_once(names.find { |name| text(name) }) if parsed.nil?
          parsed
        end

        def decode_pair(pair)
          key, value = pair.split('=', 2)
          raise ArgumentError, 'no value' if value.nil? || key.strip.empty?

          [decode(key), decode(value)]
        end

        # As URI.decode_www_form_component, but a plus sign is a plus sign.
        def decode(text)
          raise ArgumentError, 'bad percent-encoding' if text.match?(/%(?!\h\h)/)

          text.strip.b.gsub(/%\h\h/) { |code| code[1, 2].hex.chr }.force_encoding(Encoding::UTF_8).scrub
        end

        # The value may be a secret, so only the name is told.
        def warn_once(name)
          return if warned.include?(name)

          warned << name
          Native.logger.warn("tasker-native: #{name} has a value that can't be used; the default is used instead")
        end

        def warned
          @warned ||= []
        end
      end
    end
  end
end
