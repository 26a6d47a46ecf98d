# frozen_string_literal: true

require 'json'
require 'securerandom'

module Tasker
  module Native
    # A structured line for the log: JSON, or logfmt, filtered as payloads are. It fails closed: a line that can't be
    # made or filtered is replaced by one that says so and no more. Lines of events are put together in the core
    # (core/event/event_line.h), which asks here for what is not in their payload.
    #
    # @api private
    module LogLine
      # Numbers as Logger has them.
      LEVELS = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 }.freeze
      FORMATS = %w[json pretty_json logfmt].freeze # in the order of the core
      CORRELATION_ID = :tasker_correlation_id # the extension reads it, too
      private_constant :CORRELATION_ID

      class << self
        # @param level [Object]
        # @return [Symbol] :info for what is no level
        def level_of(level)
          return level if LEVELS.key?(level)

          LEVELS.keys.find { |name| name.name == level } || :info
        end

        # Ask before a line's contents are put together: what is not shown is to cost nothing.
        #
        # @param level [Symbol] one of LEVELS
        # @return [Boolean] whether +log_level+ and the logger show it
        def shown?(level)
          return false if LEVELS[level] < Native.runtime.shown_from

          logger = Native.logger
          !logger.respond_to?(:"#{level}?") || logger.public_send(:"#{level}?")
        rescue *ISOLATED_ERRORS
          false
        end

        # @param level [Symbol] one that is shown
        # @param fields [Hash]
        # @return [void]
        def write(level, fields)
          Native.logger.public_send(level, format(Native.runtime.filter.json(fields)))
          nil
        rescue *ISOLATED_ERRORS => e
          write_failure(e)
        end

        # A line of {StructuredLogging}. The block gives the message and the context, and is not called for a line that
        # is not shown.
        #
        # @param host [Object] who writes
        # @param level [Symbol, String]
        # @yieldreturn [Hash]
        # @return [void]
        def structured(host, level)
          level = level_of(level)
          return unless shown?(level)

          write(level, { **own_fields(host), **request_field, **yield })
          nil
        rescue *ISOLATED_ERRORS => e
          write_failure(e)
        end

        # @param seconds [Numeric]
        # @return [Hash{Symbol=>Object}] duration_ms and performance_category
        def duration(seconds)
          category = case seconds
                     when ..0.1 then 'fast'
                     when ..1.0 then 'moderate'
                     when ..5.0 then 'slow'
                     else 'very_slow'
                     end
          { duration_ms: (seconds * 1000).round(2), performance_category: category }
        end

        # @param error [Exception] whose message may show what was to be filtered
        # @return [void]
        def write_failure(error)
          Native.logger.error("tasker-native: a structured line could not be written (#{error.class})")
        rescue *ISOLATED_ERRORS
          nil
        end

        # @return [String] of the gem that brings the Tasker names
        def tasker_version
          defined?(Tasker::VERSION) ? Tasker::VERSION : VERSION
        end

        # @return [Logger, nil] for lines of events
        def logger
          Native.runtime.application_logger
        end

        # @return [String] that of this thread; made up unless there is one
        def correlation_id
          Thread.current[CORRELATION_ID] ||= new_correlation_id
        end

        # @param id [String, nil]
        def correlation_id=(id)
          Thread.current[CORRELATION_ID] = id
        end

        # @param id [String, nil] of this thread while the block runs
        # @yield
        # @return [Object] what the block returns
        def with_correlation_id(id)
          outer = Thread.current[CORRELATION_ID]
          Thread.current[CORRELATION_ID] = id
          yield
        ensure
          Thread.current[CORRELATION_ID] = outer
        end

        # @return [String] now, ISO 8601 with milliseconds
        def timestamp
          Time.now.utc.strftime('%Y-%m-%dT%H:%M:%S.%LZ')
        end

        # @return [String, nil]
        def request_id
          ::Current.request_id if defined?(::Current) && ::Current.respond_to?(:request_id)
        rescue *ISOLATED_ERRORS
          nil
        end

        # @param of_class [Class] OrderProcess::FetchCart
        # @return [String] "fetch_cart"
        def component_of(of_class)
          underscore(of_class.name.to_s.split('::').last || 'anonymous')
        rescue *ISOLATED_ERRORS
          'anonymous'
        end

        # @param name [String] HTTPCartFetcher
        # @return [String] "http_cart_fetcher"
        def underscore(name)
          name.gsub(/([A-Z\d]+)([A-Z][a-z])/, '\1_\2').gsub(/([a-z\d])([A-Z])/, '\1_\2').downcase
        end

        # @return [String, nil] valid UTF-8; nil for what can't tell it
        def text(object)
          object.to_s.encode(Encoding::UTF_8, invalid: :replace, undef: :replace).scrub
        rescue *ISOLATED_ERRORS
          nil
        end

        private

        # In their order in the line.
        def own_fields(host)
          { timestamp: timestamp, correlation_id: host.correlation_id, component: Native.line_component(host),
            message: nil, environment: PipelineOptions.environment_name, tasker_version: tasker_version,
            process_id: Process.pid, thread_id: Thread.current.object_id.to_s(16) }
        end

        def request_field
          id = request_id
          id ? { request_id: id } : {}
        end

        def new_correlation_id
          milliseconds = Process.clock_gettime(Process::CLOCK_REALTIME, :millisecond)
          "tsk_#{milliseconds.to_s(36)}_#{SecureRandom.alphanumeric(6)}"
        end

        def format(json)
          case Native.runtime.settings.log_format.to_s
          when 'logfmt' then JSON.parse(json).map { |key, value| "#{logfmt_key(key)}=#{logfmt_value(value)}" }.join(' ')
          when 'pretty_json' then JSON.pretty_generate(JSON.parse(json))
          else json
          end
        end

        def logfmt_key(key)
          name = key.gsub(/[ ="\p{Cntrl}\u2028\u2029\uFFFD]/, '_')
          name.empty? ? '_' : name
        end

        # Text is quoted, with JSON's escapes; what is nested is JSON in such a text.
        def logfmt_value(value)
          value = JSON.generate(value) if value.is_a?(Hash) || value.is_a?(Array)
          JSON.generate(value)
        end
      end
    end
  end
end
