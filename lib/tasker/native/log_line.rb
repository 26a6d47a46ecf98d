# frozen_string_literal: true

require 'json'

require_relative 'filter'

module Tasker
  module Native
    # A structured line for the log: JSON, or logfmt, filtered as payloads are. It fails closed: a line that can't be
    # made or filtered is replaced by one that says so and no more.
    #
    # @api private
    module LogLine
      LEVELS = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 }.freeze

      class << self
        # Ask before a line's contents are put together: what is not shown is to cost nothing.
        #
        # @param level [Symbol]
        # @return [Boolean] whether +log_level+ and the logger show it
        def shown?(level)
          wanted = LEVELS.fetch(level, 1)
          logger = Native.logger
          wanted >= Native.runtime.shown_from && (!logger.respond_to?(:level) || wanted >= logger.level)
        rescue *ISOLATED_ERRORS
          false
        end

        # @param level [Symbol] one that is shown
        # @param own [Hash] fields of ours, which need no filter
        # @param fields [Hash] of the application
        # @return [void]
        def write(level, own, fields)
          line = format(own.merge(Native.runtime.filter.call(fields)))
          Native.logger.public_send(LEVELS.key?(level) ? level : :info, line)
          nil
        rescue *ISOLATED_ERRORS => e
          write_failure(e)
        end

        # @param error [Exception] whose message may show what was to be filtered
        # @return [void]
        def write_failure(error)
          Native.logger.error("tasker-native: a structured line could not be written (#{error.class})")
        rescue *ISOLATED_ERRORS
          nil
        end

        private

        def format(fields)
          case Native.runtime.settings.log_format.to_s
          when 'logfmt' then fields.map { |key, value| "#{logfmt_key(key)}=#{logfmt_value(value)}" }.join(' ')
          when 'pretty_json' then JSON.pretty_generate(fields)
          else JSON.generate(fields)
          end
        end

        def logfmt_key(key)
          name = key.to_s.gsub(/[ ="\p{Cntrl}]/, '_')
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
