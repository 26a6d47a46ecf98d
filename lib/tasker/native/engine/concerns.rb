# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of the engine's concerns and of what builds its payloads.
      #
      # @api private
      module Concerns
        # @return [void]
        def self.install
          Tasker::Concerns::StructuredLogging.prepend(StructuredLogging)
          Tasker::Concerns::EventPublisher.prepend(EventPublisher)
          Tasker::Concerns::EventPublisher.prepend(AttemptNumbers)
          Tasker::Events::EventPayloadBuilder.singleton_class.prepend(EventPayloadBuilder)
        end

        # The engine counts an attempt when it is over. So that all events of an attempt have the same number, those
        # before its end are told the next one.
        module AttemptNumbers
          # @param step [Tasker::WorkflowStep]
          # @param context [Hash]
          # @return [void]
          def publish_step_started(step, **context)
            super(step, attempt_number: AttemptNumbers.upcoming(step), **context)
          end

          # @param (see #publish_step_started)
          # @return [void]
          def publish_step_before_handle(step, **context)
            super(step, attempt_number: AttemptNumbers.upcoming(step), **context)
          end

          # @param (see #publish_step_started)
          # @return [void]
          def publish_step_completed(step, **context)
            return super unless AttemptNumbers.running?(step)

            super(step, attempt_number: AttemptNumbers.upcoming(step), **context)
          end

          # @param step [Tasker::WorkflowStep]
          # @param error [Exception, String, nil]
          # @param context [Hash]
          # @return [void]
          def publish_step_failed(step, error: nil, **context)
            return super unless AttemptNumbers.running?(step)

            super(step, error: error, attempt_number: AttemptNumbers.upcoming(step), **context)
          end

          # @param step [Tasker::WorkflowStep]
          # @return [Integer] of the attempt that is not over
          def self.upcoming(step)
            Answer.of(step, :attempts).to_i + 1
          end

          # @param step [Tasker::WorkflowStep]
          # @return [Boolean] whether this thread is in its handler
          def self.running?(step)
            current = Native.runtime.current_step
            !current.nil? && current.last == Answer.of(step, :workflow_step_id)
          end
        end
      end
    end
  end
end
