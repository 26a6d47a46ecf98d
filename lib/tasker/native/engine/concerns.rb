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
          Tasker::Concerns::EventPublisher.prepend(AttemptEvents)
          Tasker::Events::EventPayloadBuilder.singleton_class.prepend(EventPayloadBuilder)
          LogLine.singleton_class.prepend(FreshSettings)
        end

        # Of log lines: what is shown is what the engine's settings say now.
        module FreshSettings
          # @param level [Symbol]
          # @return [Boolean]
          def shown?(level)
            Native.runtime.refresh if Engine.settings.replaced?
            super
          end
        end

        # What the engine does not tell of an attempt, or tells wrongly: see {Attempt}.
        module AttemptEvents
          # @param step [Tasker::WorkflowStep]
          # @param context [Hash]
          # @return [void]
          def publish_step_started(step, **context)
            super(step, attempt_number: Attempt.next_number(step), **context)
          end

          # @param (see #publish_step_started)
          # @return [void]
          def publish_step_before_handle(step, **context)
            Attempt.of(step)&.start
            super(step, attempt_number: Attempt.next_number(step), **context)
          end

          # @param (see #publish_step_started)
          # @return [void]
          def publish_step_completed(step, **context)
            attempt = Attempt.of(step) or return super

            super(step, **attempt.to_h, **context)
          end

          # @param step [Tasker::WorkflowStep]
          # @param error [Exception, String, nil]
          # @param context [Hash]
          # @return [void]
          def publish_step_failed(step, error: nil, **context)
            attempt = Attempt.of(step) or return super

            super(step, error: error, **attempt.to_h, **context)
          end
        end
      end
    end
  end
end
