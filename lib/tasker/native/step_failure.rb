# frozen_string_literal: true

require 'json'

module Tasker
  module Native
    # Keeps the error of an attempt in the results of its step: +error+ (the message), +error_class+, +backtrace+,
    # +attempt+, +time+, and what an API handler's error says besides (+error_code+, +retry_after+, +error_context+).
    # All of it is bounded and filtered; results that the handler has set stay beside it, as they are.
    #
    # Of an Active Record step, one UPDATE in one transaction writes the results and the other attributes that the
    # handler has changed: both arrive or none. What was unsaved before the handler began, and every other column
    # (+updated_at+, +lock_version+), stays as it is; no callback and no validation runs. Inside of the app's own
    # transaction it is a savepoint, and ends as that transaction does.
    #
    # @api private
    class StepFailure
      MAX_MESSAGE = 10_000 # characters
      MAX_LINES = 10
      MAX_LINE = 1000
      MAX_CONTEXT = 16 * 1024 # bytes of JSON
      private_constant :MAX_MESSAGE, :MAX_LINES, :MAX_LINE, :MAX_CONTEXT

      # @param step [Object] before its handler begins
      def initialize(step)
        @step = step
        @unsaved = record? ? unsaved : {}
      rescue *ISOLATED_ERRORS
        @unsaved = {}
      end

      # Never raises: what goes wrong is logged and counted.
      #
      # @param error [Exception]
      # @return [void]
      def keep(error)
        return unless @step.respond_to?(:results=)

        @step.results = results_with(error)
        write if record?
      rescue *ISOLATED_ERRORS => e
        Native.runtime.report_unkept_error(@step, e)
      end

      private

      def record?
        defined?(::ActiveRecord::Base) && @step.is_a?(::ActiveRecord::Base) && @step.persisted?
      end

      # Names of attributes, and what would be written.
      def unsaved
        names = @step.changed_attribute_names_to_save
        names.empty? ? {} : @step.attributes_for_database.slice(*names)
      end

      def results_with(error)
        results = @step.results if @step.respond_to?(:results)
        results = { previous_results: results }.compact unless results.is_a?(Hash)
        kept = filtered(description(error))
        kept = kept.transform_keys(&:to_sym) unless record? || results.each_key.any?(String)
        {}.merge(results, kept)
      end

      # As a database has it: plain data with Strings for keys, without NUL.
      def filtered(data)
        json = Native.runtime.filter.json(data)
        json = json.gsub(/(?<!\\)((?:\\\\)*)\\u0000/, '\1\ufffd') if json.include?('\u0000')
        JSON.parse(json)
      end

      def description(error)
        { error: Native.runtime.shown_message(error)[0, MAX_MESSAGE], error_class: error.class.to_s,
          backtrace: backtrace_of(error), attempt: attempt, time: LogLine.timestamp, **details(error) }
      end

      def backtrace_of(error)
        Array(error.backtrace).first(MAX_LINES).map { |line| Native.runtime.filter.clean(line)[0, MAX_LINE] }
      end

      def attempt
        (@step.attempts if @step.respond_to?(:attempts)) || 1
      end

      def details(error)
        details = { error_code: Answer.of(error, :error_code), retry_after: Answer.of(error, :retry_after) }.compact
        context = Answer.of(error, :context)
        details[:error_context] = context if context.is_a?(Hash) && context.any? && small?(context)
        details
      end

      def small?(context)
        Native.runtime.filter.json(context).bytesize <= MAX_CONTEXT
      end

      # The connection goes back to its pool at the end, unless the app holds it.
      def write
        names = changed_by_handler
        return if names.empty?

        values = names.to_h { |name| [name, @step.read_attribute(name)] }
        @step.class.connection_pool.with_connection do |connection|
          inside = connection.transaction_open?
          connection.transaction(requires_new: true) { update(values) }
          # Inside of another transaction they may still be rolled back.
          @step.clear_attribute_changes(names) unless inside
        end
      end

      # The results always: those of an attempt before, which could not be written, may be the same to the second.
      def changed_by_handler
        changed = unsaved.reject { |name, value| name != 'results' && @unsaved.key?(name) && @unsaved[name] == value }
        (changed.keys & @step.class.column_names) - @step.class.readonly_attributes.to_a -
          Array(@step.class.primary_key)
      end

      def update(values)
        model = @step.class
        # Else update_all would count it up.
        values = { model.locking_column => model.arel_table[model.locking_column], **values } if model.locking_enabled?
        rows = model.unscoped.where(model.primary_key => @step.id_in_database).update_all(values)
        raise Error, 'its row is gone' if rows.zero?
      end
    end
  end
end
