# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of what runs tasks: which step a handler works on, how long an attempt took, who is subscribed.
      #
      # @api private
      module Orchestration
        # Classes that Rails loads, and loads anew after a change of the application's code.
        RELOADED = {
          'Tasker::StepHandler::Base' => ->(base) { AroundHandle.install(base) },
          'Tasker::StepHandler::Api' => ->(api) { api.prepend(AroundHandle) }
        }.freeze
        private_constant :RELOADED

        # @return [void]
        def self.install
          Tasker::Orchestration::Coordinator.singleton_class.prepend(Coordinator)
          Tasker::Orchestration::StepExecutor.prepend(MeasuredDurations)
          RELOADED.each { |name, change| Engine.on_load(name, &change) }
        end

        # Of Tasker::Orchestration::Coordinator.
        module Coordinator
          private

          # The engine's MetricsSubscriber can't be loaded yet: {Railtie} subscribes it.
          def setup_telemetry_subscriber
            Tasker::Events::Subscribers::TelemetrySubscriber.subscribe(Tasker::Events::Publisher.instance)
          end
        end

        # Around a handler of steps: its step is the current one, and whatever leaves it without an end ends its span.
        module AroundHandle
          # Subclasses that override +handle+ have it in front as well.
          module Inherited
            # @param handler [Class]
            # @return [void]
            def inherited(handler)
              super
              handler.prepend(AroundHandle)
            end
          end

          # @param base [Class]
          # @return [void]
          def self.install(base)
            base.prepend(self)
            base.singleton_class.prepend(Inherited)
          end

          # @param task [Tasker::Task]
          # @param sequence [Tasker::Types::StepSequence]
          # @param step [Tasker::WorkflowStep]
          # @return [Object]
          def handle(task, sequence, step)
            key = [Answer.of(step, :task_id) || Answer.of(task, :task_id), Answer.of(step, :workflow_step_id)]
            return super if Native.runtime.current_step == key

            AroundHandle.run(self, step, key) { super }
          end

          # @param handler [Tasker::StepHandler::Base]
          # @param step [Tasker::WorkflowStep]
          # @param key [Array(Object, Object)] the ids of the task and the step
          # @yield
          # @return [Object] what the block returns
          def self.run(handler, step, key)
            result = Native.runtime.with_current_step(key) { Attempt.run(step) { yield } } # rubocop:disable Style/ExplicitBlockArgument
            ended = true
            result
          rescue *ISOLATED_ERRORS => e
            ended = true
            handler.publish_step_failed(step, error: e) unless e.is_a?(StandardError) # of which the engine has told
            raise
          ensure
            Native.runtime.interrupt_step(key) unless ended
          end
        end

        # Of Tasker::Orchestration::StepExecutor, whose durations are the time between two writes to the database. Not
        # every step gets as far as its handler, and not every handler is one of the engine's: each has an attempt.
        module MeasuredDurations
          # @param step [Tasker::WorkflowStep]
          # @param context [Hash]
          # @return [void]
          def publish_step_started(step, **context)
            Attempt.begin(step)
            super
          end

          # @param step [Tasker::WorkflowStep]
          # @param execution_duration [Float, nil] gives way to the attempt's: see {Concerns::AttemptEvents}
          # @param context [Hash]
          # @return [void]
          def publish_step_completed(step, execution_duration: nil, **context)
            context[:execution_duration] = execution_duration.abs if execution_duration && !Attempt.of(step)
            super(step, **context)
          end
        end
      end
    end
  end
end
