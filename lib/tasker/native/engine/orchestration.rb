# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of what runs tasks: which step a handler works on, what is published without asking the database, and
      # who is subscribed.
      #
      # @api private
      module Orchestration
        # Classes that Rails loads, and loads anew after a change of the application's code.
        RELOADED = {
          'Tasker::StepHandler::Base' => ->(base) { AroundHandle.install(base) },
          'Tasker::StepHandler::Api' => ->(api) { api.prepend(AroundHandle) },
          'Tasker::WorkflowStep' => ->(step) { step.singleton_class.prepend(CompletionStats) }
        }.freeze
        private_constant :RELOADED

        # @return [void]
        def self.install
          Tasker::Orchestration::Coordinator.singleton_class.prepend(Coordinator)
          Tasker::StateMachine::StepStateMachine.prepend(Transitions)
          Tasker::StateMachine::StepStateMachine.singleton_class.prepend(Transitions::Announcement)
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
          def self.run(handler, step, key, &)
            Native.runtime.with_current_step(key) do
              yield.tap { ended = true }
            rescue StandardError
              ended = true # the engine has published step.failed
              raise
            rescue *ISOLATED_ERRORS => e
              ended = true
              handler.publish_step_failed(step, error: e)
              raise
            ensure
              Native.runtime.interrupt_step(key) unless ended
            end
          end
        end

        # Of Tasker::StateMachine::StepStateMachine: a transition's event is made of the step that changes. The engine
        # looks it and its task up again.
        module Transitions
          CHANGING = :tasker_native_changing_step
          private_constant :CHANGING

          # @param state [String]
          # @param metadata [Hash]
          # @return [true]
          def transition_to!(state, metadata = {})
            outer = Thread.current[CHANGING]
            Thread.current[CHANGING] = object
            super
          ensure
            Thread.current[CHANGING] = outer
          end

          # @param step_id [Object]
          # @return [Tasker::WorkflowStep, nil] the one whose state changes in this thread
          def self.changing(step_id)
            step = Thread.current[CHANGING]
            step if step && step.workflow_step_id == step_id
          end

          # Of the class.
          module Announcement
            # @param event_name [String]
            # @param context [Hash]
            # @return [void]
            def safe_fire_event(event_name, context = {})
              step = Transitions.changing(context[:step_id])
              return super unless step

              Publishing.rescuing(event_name) do |publisher|
                payload = publisher.wanted?(event_name) ? payload_of(step, event_name, context) : {}
                publisher.publish(event_name, payload)
              end
            end

            private

            def payload_of(step, event_name, context)
              type = determine_event_type_from_name(event_name)
              context = { attempt_number: Concerns::AttemptNumbers.upcoming(step), **context } if type == :started
              EventPayloadBuilder.build_step_payload(step, event_type: type, additional_context: context)
            end
          end
        end

        # Of Tasker::WorkflowStep: one query in the place of four.
        module CompletionStats
          # @param task [Tasker::Task]
          # @return [Hash{Symbol=>Object}] total_steps, completed_steps, failed_steps, pending_steps,
          #   latest_completion_time, all_complete
          def task_completion_stats(task)
            steps = for_task(task).left_joins(:workflow_step_transitions).unscope(:order)
            total, completed, failed, latest = steps.pick(*CompletionStats.columns(self))
            { total_steps: total, completed_steps: completed, failed_steps: failed,
              pending_steps: total - completed - failed, latest_completion_time: latest&.in_time_zone,
              all_complete: completed == total && total.positive? }
          end

          # @param model [Class]
          # @return [Array<Arel::Nodes::Node>] steps, those that are complete, those that failed, and when the last was
          #   complete
          def self.columns(model)
            steps = model.arel_table
            states = model.reflect_on_association(:workflow_step_transitions).klass.arel_table
            current = states[:most_recent].eq(true)
            complete = current.and(states[:to_state].in(%w[complete resolved_manually]))
            [steps[model.primary_key].count(true), states[:id].count.filter(complete),
             states[:id].count.filter(current.and(states[:to_state].eq('error'))),
             steps[:processed_at].maximum.filter(complete)]
          end
        end
      end
    end
  end
end
