# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of the engine's models and of their state machines: what telemetry wants to know is told from memory.
      #
      # @api private
      module Records
        # @return [void]
        def self.install
          step_states = Tasker::StateMachine::StepStateMachine
          step_states.prepend(KnownState, StepTransitions)
          step_states.singleton_class.prepend(StepTransitions::Announcement)
          Tasker::StateMachine::TaskStateMachine.prepend(KnownState, TaskTransitions)
          Engine.on_load('Tasker::Task') { |task| task.prepend(AnswersInMemory) }
          Engine.on_load('Tasker::WorkflowStep') do |step|
            step.prepend(AnswersInMemory)
            step.singleton_class.prepend(CompletionStats)
          end
        end

        # Of both state machines, which ask the database at every look.
        module KnownState
          # @return [String, nil] the state that was seen last
          attr_reader :known_state

          # @return [String]
          def current_state(*)
            @known_state = super
          end

          # @param state [String, Symbol]
          # @param metadata [Hash]
          # @return [true]
          def transition_to!(state, metadata = {})
            super.tap { @known_state = state.to_s }
          end
        end

        # Of a task: the core is told of what other processes have seen of it, before its state changes.
        module TaskTransitions
          # @param state [String, Symbol]
          # @param metadata [Hash]
          # @return [true]
          def transition_to!(state, metadata = {})
            TaskHistory.tell(object, state.to_s)
            super
          end
        end

        # What a task or a step tells of itself without a query. Its name is another record's.
        module AnswersInMemory
          include InMemory

          # @param name [Symbol] :name or :status
          # @return [String, nil]
          def answer_in_memory(name)
            case name
            when :name
              named = association(is_a?(Tasker::Task) ? :named_task : :named_step)
              named.target.name if named.loaded?
            when :status then @state_machine&.known_state
            end
          end
        end

        # Of Tasker::StateMachine::StepStateMachine: a transition's event is made of the step that changes. The engine
        # looks it and its task up again.
        module StepTransitions
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

          # @param step [Tasker::WorkflowStep]
          # @param event_type [Symbol]
          # @return [Hash{Symbol=>Object}] of its attempt
          def self.said_of(step, event_type)
            case event_type
            when :started then { attempt_number: Attempt.next_number(step) }
            when :completed, :failed then Attempt.of(step).to_h
            else {}
            end
          end

          # Of the class.
          module Announcement
            # @param event_name [String]
            # @param context [Hash]
            # @return [void]
            def safe_fire_event(event_name, context = {})
              step = StepTransitions.changing(context[:step_id])
              return super unless step

              type = determine_event_type_from_name(event_name)
              context = { **StepTransitions.said_of(step, type), **context }
              Publishing.step(nil, event_name, type, step, nil, context)
            end
          end
        end

        # Of Tasker::WorkflowStep: one query in the place of four.
        module CompletionStats
          # @param task [Tasker::Task]
          # @return [Hash{Symbol=>Object}] total_steps, completed_steps, failed_steps, pending_steps,
          #   latest_completion_time, all_complete
          def task_completion_stats(task)
            return super if current_scope # of which our query knows nothing

            total, completed, failed, latest = CompletionStats.row(self, task.task_id)
            { total_steps: total, completed_steps: completed, failed_steps: failed,
              pending_steps: total - completed - failed, latest_completion_time: latest&.in_time_zone,
              all_complete: completed == total && total.positive? }
          end

          SQL = <<~SQL.squish.freeze
            SELECT COUNT(DISTINCT steps.workflow_step_id),
                   COUNT(*) FILTER (WHERE states.to_state IN ('complete', 'resolved_manually')),
                   COUNT(*) FILTER (WHERE states.to_state = 'error'),
                   MAX(steps.processed_at) FILTER (WHERE states.to_state IN ('complete', 'resolved_manually'))
            FROM tasker_workflow_steps steps LEFT JOIN tasker_workflow_step_transitions states
              ON states.workflow_step_id = steps.workflow_step_id AND states.most_recent
            WHERE steps.task_id = $1
          SQL
          private_constant :SQL

          # @param model [Class]
          # @param task_id [Integer]
          # @return [Array(Integer, Integer, Integer, Time)] steps, those that are complete, those that failed, and when
          #   the last was complete
          def self.row(model, task_id)
            id = ActiveRecord::Relation::QueryAttribute.new('task_id', task_id, model.type_for_attribute(:task_id))
            model.with_connection do |connection|
              connection.select_all(SQL, "#{model.name} Stats", [id], preparable: true).cast_values.first
            end
          end
        end
      end
    end
  end
end
