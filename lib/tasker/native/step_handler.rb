# frozen_string_literal: true

require_relative 'step_failure'
require_relative 'step_handler/attempt'

module Tasker
  module Native
    # Handlers of steps, and the events around them.
    module StepHandler
      # Publishes step.execution_requested, step.before_handle, and step.completed or step.failed around +handle+, also
      # where a subclass overrides it. An error is kept in the step's results, published, and raised again, the same
      # object; Interrupt, SystemExit, throw and a Timeout of the caller pass through, and end the span with the event
      # +tasker.span.interrupted+.
      module AutomaticEventPublishing
        # @param task [Object]
        # @param sequence [Object] all steps of the task
        # @param step [#workflow_step_id, #name, #results]
        # @return [Object] what the handler's own +handle+ returns
        def handle(task, sequence, step)
          attempt = Attempt.new(self, task, step)
          return super if attempt.running? # below a subclass' own handle

          attempt.run { super }
        end
      end

      # Subclasses implement +process+; what it returns becomes the step's results, unless it has set them itself.
      #
      # @example
      #   class FetchCart < Tasker::StepHandler::Base
      #     def process(task, _sequence, _step)
      #       { items: Cart.find(task.context['cart_id']).items.size }
      #     end
      #   end
      class Base
        include EventPublisher
        include StructuredLogging
        prepend AutomaticEventPublishing

        class << self
          # Puts the events in front of the subclass' own +handle+ as well.
          #
          # @api private
          # @param subclass [Class]
          # @return [void]
          def inherited(subclass)
            super
            subclass.prepend(AutomaticEventPublishing)
          end

          # For subclasses to override: the events of their own, which they declare as soon as they are loaded.
          #
          # @return [Array<Hash>] name and description of each
          # @example
          #   def self.custom_event_configuration
          #     [{ name: 'order.shipped', description: 'All parcels of an order are out' }]
          #   end
          def custom_event_configuration
            []
          end

          # Declares a handler's own events as soon as it has said which.
          #
          # @api private
          # @param name [Symbol]
          # @return [void]
          def singleton_method_added(name)
            super
            declare_events if name == :custom_event_configuration && self < Base
          end

          # Warns of a subclass that overrides +handle+, once a class.
          #
          # @api private
          # @param name [Symbol]
          # @return [void]
          def method_added(name)
            super
            return if name != :handle || equal?(Base) || @warned_of_handle

            @warned_of_handle = true
            place = caller_locations(1, 1).first
            Native.logger.warn("tasker-native: #{self} overrides handle (#{place.path}:#{place.lineno}). Its events " \
                               'are published all the same. Next: name the method process(task, sequence, step), ' \
                               'which handle calls.')
          end

          private

          # What is wrong in it is logged: a class is worth more than what is said about its events.
          def declare_events
            Array(custom_event_configuration).each { |event| declare_event(event.transform_keys(&:to_sym)) }
          rescue *ISOLATED_ERRORS => e
            warn_of_events(e)
          end

          def declare_event(event)
            Tasker::Events.register_custom_event(event[:name], fired_by: [name].compact,
                                                               **event.slice(:description))
          rescue ArgumentError, TooManyEventsError => e
            warn_of_events(e)
          end

          def warn_of_events(error)
            reason = Native.runtime.shown_message(error).lines.first.to_s.chomp # Ruby shows the code in the others
            Native.logger.error("tasker-native: custom_event_configuration of #{self}: #{reason}")
          end
        end

        # @param config [Object, nil] of the step's template; +config+ gives it to subclasses
        def initialize(config: nil)
          @config = config
        end

        # @param task [Object]
        # @param sequence [Object] all steps of the task
        # @param step [#results, #results=]
        # @return [Object] what +process+ returned
        # @raise [StandardError, ScriptError, SystemStackError, NoMemoryError] what +process+ raises
        def handle(task, sequence, step)
          before = step.results if step.respond_to?(:results)
          output = process(task, sequence, step)
          _check_output(output)
          process_results(step, output, before)
          output
        end

        # The work of the step.
        #
        # @param _task [Object]
        # @param _sequence [Object] all steps of the task
        # @param _step [Object]
        # @return [Object] becomes the step's results, unless it has set them itself
        # @raise [NotImplementedError] unless a subclass implements it
        def process(_task, _sequence, _step)
          raise NotImplementedError, "#{self.class.name} must implement process(task, sequence, step)"
        end

        # Puts what +process+ returned into the step's results. For subclasses that want something else there.
        #
        # @param step [#results, #results=]
        # @param process_output [Object] what +process+ returned
        # @param initial_results [Object] results that were there before it
        # @return [void]
        def process_results(step, process_output, initial_results)
          return unless step.respond_to?(:results=)

          step.results = process_output if step.results == initial_results
        end

        protected

        # @return [Object, nil] of the step's template
        attr_reader :config

        private

        # Begin with an underscore, so that no handler has a method of that name.

        # Raises for what process must not return.
        def _check_output(_output); end

        # Tells what is to be told before an error is kept and step.failed is published.
        def _announce_failure(_step, _error, **_told); end
      end
    end
  end
end

require_relative 'step_handler/api'
