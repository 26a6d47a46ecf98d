# frozen_string_literal: true

require 'uri'

module Tasker
  module Native
    # One setting: its name, which values it takes, its default (a Proc is evaluated each time, in the settings), and
    # why it has no effect, if it has none.
    #
    # @api private
    class Setting
      # Which values: a test, the words for it, and optionally how a good value is kept.
      #
      # @!attribute [r] test
      #   @return [#call] whether a value is good
      # @!attribute [r] words
      #   @return [String, #call] what stands behind "must be"; a callable is given the value
      # @!attribute [r] keep
      #   @return [#call, nil] makes of a good value the one that is kept
      Kind = Struct.new(:test, :words, :keep) do
        # @param value [Object]
        # @return [Boolean]
        def accepts?(value)
          test.call(value)
        end

        # @param value [Object] one that is not good
        # @return [String]
        def words_for(value)
          words.respond_to?(:call) ? words.call(value) : words
        end
      end

      # What the exporter can make a connection from.
      def self.url?(text)
        uri = URI.parse(text)
        %w[http https].include?(uri.scheme) && !uri.host.to_s.empty? && uri.port.to_i <= 65_535 && text.bytesize <= 4096
      rescue URI::InvalidURIError
        false
      end
      private_class_method :url?

      # Text of one line, in whatever encoding.
      def self.line?(value)
        value.is_a?(String) && utf8(value).valid_encoding? && !utf8(value).match?(/[\r\n\0]/)
      rescue EncodingError
        false
      end

      def self.utf8(text)
        text.encoding == Encoding::BINARY ? text.dup.force_encoding(Encoding::UTF_8) : text.encode(Encoding::UTF_8)
      end

      def self.filled?(text)
        text.is_a?(String) && !text.empty?
      end
      private_class_method :line?, :utf8, :filled?

      # What OpenTelemetry calls the forms that a histogram may leave in.
      AGGREGATIONS = %i[explicit_bucket_histogram base2_exponential_bucket_histogram].freeze
      EXPORTER_NAMES = %i[auto otlp file console memory none].freeze
      private_constant :EXPORTER_NAMES

      single_line = ->(value) { line?(value) }
      line_within = ->(value, range) { line?(value) && range.cover?(utf8(value).bytesize) }
      to_utf8 = ->(value) { utf8(value).freeze }
      whole = ->(value, range) { value.is_a?(Integer) && range.cover?(value) }
      seconds = ->(value) { value.is_a?(Numeric) && value.real? && value.to_f.finite? && value >= 0 }

      # @!group Kinds of settings

      # Of settings without effect.
      ANY = Kind.new(->(_) { true }, 'anything')
      # A switch.
      BOOLEAN = Kind.new(->(value) { [true, false].include?(value) }, 'true or false')
      # Text, kept as UTF-8, as are the next two.
      STRING = Kind.new(single_line, 'a String of one line', to_utf8)
      # What stands in front of attributes.
      NAME = Kind.new(->(value) { line_within.call(value, 1..100) }, 'a String of one line, 1 to 100 bytes', to_utf8)
      # What stands in the place of a value; it may be empty.
      MASK = Kind.new(->(value) { line_within.call(value, 0..1024) }, 'a String of one line, up to 1024 bytes', to_utf8)
      # A String or Pathname, kept as a String.
      PATH = Kind.new(->(value) { single_line.call(value.to_s) && !value.to_s.empty? }, 'a path', :to_s.to_proc)
      # The same, or nil.
      OPTIONAL_PATH = Kind.new(->(value) { value.nil? || PATH.accepts?(value) }, 'a path, or nil',
                               ->(value) { value&.to_s })
      # Of things or bytes of which there has to be room for one.
      COUNT = Kind.new(->(value) { whole.call(value, 1..(2**40)) }, 'an Integer above 0')
      # In bytes; 0: no limit.
      SIZE = Kind.new(->(value) { whole.call(value, 0..(2**30)) }, 'an Integer, 0 (no limit) or above')
      # Of a span; 0: none at all.
      LIMIT = Kind.new(->(value) { whole.call(value, 0..10_000) }, 'an Integer from 0 to 10000')
      # Any Numeric, kept as a Float, as is the next one.
      SECONDS = Kind.new(seconds, 'a number of seconds', :to_f.to_proc)
      # A time that can't be none.
      POSITIVE_SECONDS = Kind.new(->(value) { seconds.call(value) && value.positive? }, 'a number of seconds above 0',
                                  :to_f.to_proc)
      # A String or Symbol, kept as a String.
      COMPRESSION = Kind.new(->(value) { %w[gzip none].include?(value.to_s) }, "'gzip' or 'none'", :to_s.to_proc)
      # A String or Symbol, kept as it is: upstream's code reads it back.
      LOG_LEVEL = Kind.new(->(value) { %w[debug info warn error fatal].include?(value.to_s) },
                           "'debug', 'info', 'warn', 'error' or 'fatal'")
      # The same.
      LOG_FORMAT = Kind.new(->(value) { %w[json pretty_json logfmt].include?(value.to_s) },
                            "'json', 'pretty_json' or 'logfmt'")
      # The same.
      METRICS_FORMAT = Kind.new(->(value) { %w[prometheus openmetrics json csv].include?(value.to_s) },
                                "'prometheus', 'openmetrics', 'json' or 'csv'")
      # The same, as a Symbol, here and in the next two.
      METRICS_EXPORTER = Kind.new(->(value) { %w[auto otlp none].include?(value.to_s) }, ':auto, :otlp or :none',
                                  :to_sym.to_proc)
      # The same.
      TEMPORALITY = Kind.new(->(value) { %w[cumulative delta].include?(value.to_s) }, ':cumulative or :delta',
                             :to_sym.to_proc)
      # The same.
      HISTOGRAM_AGGREGATION = Kind.new(->(value) { AGGREGATIONS.map(&:to_s).include?(value.to_s) },
                                       AGGREGATIONS.map(&:inspect).join(' or '), :to_sym.to_proc)
      # One Symbol or several.
      EXPORTERS = Kind.new(->(value) { Array(value).any? && (Array(value) - EXPORTER_NAMES).empty? },
                           "one of #{EXPORTER_NAMES.map(&:inspect).join(', ')}, or several of them in an Array")
      # Kept as a frozen copy; other elements than these are taken by their +to_s+.
      FILTERS = Kind.new(->(value) { value.is_a?(Array) }, 'an Array of Symbols, Strings, Regexps and Procs',
                         ->(value) { value.dup.freeze })
      # Which of the built-in scanners look into values; kept as it is.
      VALUES = Kind.new(->(value) { ValueFilter.switches?(value) },
                        'true, false, or a Hash of scanners and keys, such as { card_numbers: false, except: [:sku] }')
      # Kept as a frozen copy.
      SCANNERS = Kind.new(->(value) { ValueFilter.scanners?(value) },
                          'an Array of Regexps and of what answers call(text)', ->(value) { value.dup.freeze })
      # A String or URI, kept as a String of at most 4096 bytes.
      URL = Kind.new(lambda { |value|
        url?(value.to_s)
      }, 'an http or https URL such as "http://localhost:4318"', :to_s.to_proc)
      # Names and values that can't break a request apart.
      HEADERS = Kind.new(lambda { |value|
        value.is_a?(Hash) && value.all? do |name, text|
          name.to_s.match?(/\A[!#$%&'*+.^_`|~0-9A-Za-z-]+\z/) && single_line.call(text.to_s)
        end
      }, 'a Hash of header names and values')

      # What lets somebody in: nothing, a name and password, or what decides by Rack's environment.
      CREDENTIALS = Kind.new(lambda { |value|
        value.nil? || value.respond_to?(:call) ||
          (value.is_a?(Hash) && value.keys.sort == %i[password username] && value.values.all? { |text| filled?(text) })
      }, 'nil, { username:, password: } with Strings that are not empty, or a callable')

      # The same as URL, or nil.
      OPTIONAL_URL = Kind.new(->(value) { value.nil? || URL.accepts?(value) },
                              'nil, or an http or https URL such as "http://localhost:9091"')
      # Text, or nil.
      OPTIONAL_STRING = Kind.new(->(value) { value.nil? || STRING.accepts?(value) }, 'nil, or a String of one line')
      # A name, or nil.
      OPTIONAL_NAME = Kind.new(->(value) { value.nil? || NAME.accepts?(value) },
                               'nil, or a String of one line, 1 to 100 bytes')
      # What stands in front of names of metrics.
      METRIC_PREFIX = Kind.new(->(value) { value.nil? || value.to_s.match?(/\A[a-zA-Z_][a-zA-Z0-9_]{0,99}\z/) },
                               'nil, or letters, digits and _, such as "tasker"')
      # Of what is tried again.
      RETRIES = Kind.new(->(value) { whole.call(value, 0..100) }, 'an Integer from 0 to 100')
      # Where and how metrics are pushed; kept with the defaults of all keys.
      PROMETHEUS = Kind.new(->(value) { PrometheusOptions.complaint(value).nil? },
                            ->(value) { PrometheusOptions.complaint(value) },
                            ->(value) { PrometheusOptions.complete(value) })

      # @!endgroup

      without_secrets = ->(url) { url.to_s.sub(%r{//[^/@]*@}, '//***@').sub(/\?.*/m, '?***') }

      # Settings that may hold a secret: what may be shown of them.
      PRESENTED = {
        otlp_endpoint: without_secrets,
        otlp_headers: ->(value) { value.transform_values { '***' } },
        metrics_auth: ->(value) { value.is_a?(Hash) ? value.merge(password: '***') : value },
        prometheus: lambda { |value|
          value.merge(endpoint: value[:endpoint] && without_secrets.call(value[:endpoint]),
                      password: value[:password] && '***')
        }
      }.freeze
      private_constant :PRESENTED

      # @return [Symbol]
      attr_reader :name

      # @return [Object, Proc] a Proc is evaluated in the settings, each time
      attr_reader :default

      # @return [String, nil] why the setting does nothing; nil: it does something
      attr_reader :no_effect

      # @param name [Symbol]
      # @param kind [Kind]
      # @param default [Object, Proc]
      # @param no_effect [String, nil]
      def initialize(name, kind, default, no_effect = nil)
        @name = name
        @kind = kind
        @default = default
        @no_effect = no_effect
      end

      # @param value [Object]
      # @return [Object] the value as it is kept
      # @raise [ConfigurationError] when it is not good
      def check(value)
        unless @kind.accepts?(value)
          raise ConfigurationError, "config.telemetry.#{name} = #{shown(value)}: must be #{@kind.words_for(value)}"
        end

        @kind.keep ? @kind.keep.call(value) : value
      end

      # @param value [Object]
      # @return [Object] the value without its secrets
      def presentable(value)
        PRESENTED.key?(name) ? PRESENTED[name].call(value) : value
      end

      private

      def shown(value)
        PRESENTED.key?(name) ? "(a #{value.class})" : value.inspect[0, 200]
      end
    end
  end
end
