# frozen_string_literal: true

# Every public method of the concern as upstream has it: its parameters, the event it publishes, and what the payload
# has beside the keys of its kind. event_publisher_spec.rb tells how they behave.
RSpec.describe Tasker::Concerns::EventPublisher do
  let(:attempted) { Time.utc(2026, 1, 2, 3, 4, 5) }
  let(:step) do
    build_step(last_attempted_at: attempted, processed_at: attempted + 2, attempts: 2, inputs: { a: 1 },
               results: { items: 3 }, parents: [build_step(name: 'first')])
  end
  let(:task) { build_task(created_at: attempted, workflow_steps: [build_step(status: 'complete'), step]) }
  let(:kinds) do
    {
      S: { task_id: 7, step_id: 21, step_name: 'fetch_cart', started_at: '2026-01-02T03:04:05Z',
           completed_at: '2026-01-02T03:04:07Z', attempt_number: 2, retry_limit: 3, timestamp: be_a(String) },
      T: { task_id: 7, task_name: 'order_process', started_at: '2026-01-02T03:04:05Z', completed_at: nil,
           task_type: 'Workflow::Task', timestamp: be_a(String), total_execution_duration: nil,
           current_execution_duration: be_a(Float), total_steps: 2, completed_steps: 1, failed_steps: 0,
           pending_steps: 1 },
      O: { orchestration_event: true, timestamp: be_a(String) }
    }
  end

  # method => [parameters, arguments, keywords, event, kind, event_type, more]
  {
    publish_step_started: ['step, **context', [:step], {}, 'step.execution_requested', :S, 'started',
                           { step_inputs: { a: 1 }, step_dependencies: ['first'] }],
    publish_step_before_handle: ['step, **context', [:step], {}, 'step.before_handle', :S, 'before_handle', {}],
    publish_step_completed: ['step, **context', [:step], {}, 'step.completed', :S, 'completed',
                             { execution_duration: 2.0, step_results: { items: 3 } }],
    publish_step_failed: ['step, error: nil, **context', [:step], {}, 'step.failed', :S, 'failed',
                          { error_message: 'Unknown error', exception_class: 'StandardError',
                            step_results: { items: 3 } }],
    publish_step_retry_requested: ['step, retry_reason: _, **context', [:step], {}, 'step.retry_requested', :S, 'retry',
                                   { previous_attempts: 1, retry_reason: 'Step execution failed',
                                     backoff_strategy: 'exponential' }],
    publish_step_cancelled: ['step, cancellation_reason: _, **context', [:step], {}, 'step.cancelled', :S, 'cancelled',
                             { cancellation_reason: 'Step cancelled' }],
    publish_step_backoff: ['step, backoff_seconds:, backoff_type: _, **context', [:step], { backoff_seconds: 4 },
                           'observability.step.backoff', :S, 'backoff',
                           { backoff_seconds: 4, backoff_type: 'exponential' }],
    publish_task_started: ['task, **context', [:task], {}, 'task.start_requested', :T, 'started',
                           { task_context: { 'cart_id' => 5 } }],
    publish_task_completed: ['task, **context', [:task], {}, 'task.completed', :T, 'completed', {}],
    publish_task_failed: ['task, error_message: _, error_steps: _, **context', [:task], {}, 'task.failed', :T, 'failed',
                          { error_message: 'Task execution failed', error_steps: [] }],
    publish_task_retry_requested: ['task, retry_reason: _, **context', [:task], {}, 'task.retry_requested', :T, 'retry',
                                   { retry_reason: 'Task retry requested' }],
    publish_task_pending_transition: ['task, reason: _, **context', [:task], {}, 'task.initialize_requested', :T,
                                      'pending_transition', { reason: 'Task set to pending' }],
    publish_task_enqueue: ['task, **context', [:task], {}, 'observability.task.enqueue', :T, 'enqueue',
                           { task_context: { 'cart_id' => 5 } }],
    publish_workflow_task_started: ['task_id, **context', [7], {}, 'workflow.task_started', :O, 'task_started',
                                    { task_id: 7 }],
    publish_workflow_step_completed: ['task_id, step_id, **context', [7, 21], {}, 'workflow.step_completed', :O,
                                      'step_completed', { task_id: 7, step_id: 21 }],
    publish_viable_steps_discovered: ['task_id, step_ids, processing_mode: _, **context', [7, [21, 22]], {},
                                      'workflow.viable_steps_discovered', :O, 'viable_steps_discovered',
                                      { task_id: 7, step_ids: [21, 22], processing_mode: 'concurrent',
                                        step_count: 2 }],
    publish_no_viable_steps: ['task_id, reason: _, **context', [7], {}, 'workflow.no_viable_steps', :O,
                              'no_viable_steps', { task_id: 7, reason: 'No steps ready for execution' }],
    publish_task_finalization_started: ['task, processed_steps_count: _, **context', [:task], {},
                                        'workflow.task_finalization_started', :O, 'task_finalization_started',
                                        { task_id: 7, processed_steps_count: 0 }],
    publish_task_finalization_completed: ['task, processed_steps_count: _, **context', [:task], {},
                                          'workflow.task_finalization_completed', :O, 'task_finalization_completed',
                                          { task_id: 7, processed_steps_count: 0, final_status: 'in_progress' }],
    publish_workflow_state_unclear: ['task, reason: _, **context', [:task], {}, 'workflow.task_state_unclear', :O,
                                     'task_state_unclear',
                                     { task_id: 7, task_name: 'order_process', reason: 'Task in unclear state' }],
    publish_task_reenqueue_started: ['task, reason: _, **context', [:task], {}, 'workflow.task_reenqueue_started', :O,
                                     'task_reenqueue_started',
                                     { task_id: 7, task_name: 'order_process', reason: 'Task reenqueue started',
                                       current_status: 'in_progress', timestamp: Time }],
    publish_task_reenqueue_requested: ['task, reason: _, **context', [:task], {}, 'workflow.task_reenqueue_requested',
                                       :O, 'task_reenqueue_requested',
                                       { task_id: 7, task_name: 'order_process', reason: 'Task reenqueue requested',
                                         timestamp: Time }],
    publish_task_reenqueue_failed: ['task, reason: _, error: _, **context', [:task], {},
                                    'workflow.task_reenqueue_failed', :O, 'task_reenqueue_failed',
                                    { task_id: 7, task_name: 'order_process', reason: 'Task reenqueue failed',
                                      error: 'Unknown error', timestamp: Time }],
    publish_task_reenqueue_delayed: ['task, delay_seconds:, reason: _, **context', [:task], { delay_seconds: 30 },
                                     'workflow.task_reenqueue_delayed', :O, 'task_reenqueue_delayed',
                                     { task_id: 7, task_name: 'order_process', reason: 'Task reenqueue delayed',
                                       delay_seconds: 30, scheduled_for: Time, timestamp: Time }],
    publish_steps_execution_started: ['task, step_count:, processing_mode: _, **context', [:task], { step_count: 2 },
                                      'workflow.steps_execution_started', :O, 'steps_execution_started',
                                      { task_id: 7, task_name: 'order_process', step_count: 2,
                                        processing_mode: 'concurrent' }],
    publish_steps_execution_completed: ['task, processed_count:, successful_count:, **context', [:task],
                                        { processed_count: 2, successful_count: 1 },
                                        'workflow.steps_execution_completed', :O, 'steps_execution_completed',
                                        { task_id: 7, task_name: 'order_process', processed_count: 2,
                                          successful_count: 1 }]
  }.each do |method, (parameters, arguments, keywords, event, kind, event_type, more)|
    describe "##{method}" do
      let(:events) { listen(event) }
      let(:objects) { arguments.map { |one| one.is_a?(Symbol) ? public_send(one) : one } }

      before { events }

      it "takes (#{parameters})" do
        expected = described_class.instance_method(method).parameters.map do |type, name|
          { req: name, opt: "#{name} = _", key: "#{name}: _", keyreq: "#{name}:", keyrest: "**#{name}" }.fetch(type)
        end

        expect(parameters.sub('error: nil', 'error: _')).to eq(expected.join(', '))
      end

      it "publishes #{event} with exactly the documented payload, which fits the catalog's schema" do
        expect(host.public_send(method, *objects, **keywords)).to be_nil

        payload = events.first.payload
        more_exactly = more.transform_values { |value| value.is_a?(Module) ? be_a(value) : value }
        expect(events.size).to eq(1)
        expect(payload).to match({ event_type: event_type, **kinds.fetch(kind), **more_exactly })
        expect(Tasker::Native::PayloadSchema.new(Tasker::Events.catalog[event][:payload_schema]).errors(payload))
          .to eq([])
      end

      it 'publishes what the catalog says' do
        entry = Tasker::Events.catalog[event]

        expect(entry[:fired_by]).to include("EventPublisher##{method}")
        expect(entry[:example_payload]).to include(event_type: event_type)
        expect(more.keys - entry[:payload_schema].keys).to eq([])
      end

      it 'lets the context win' do
        host.public_send(method, *objects, **keywords, task_id: 'mine', event_type: 'own', timestamp: 5, more: 1)

        expect(events.first.payload).to include(task_id: 'mine', event_type: 'own', timestamp: 5, more: 1)
      end

      it 'raises for nothing that it is given' do
        broken = Class.new { def respond_to?(*) = raise('broken') }.new
        grumpy = Class.new { def task_id = raise(NotImplementedError) }.new
        [nil, 5, Object.new, BasicObject.new, broken, grumpy].each do |object|
          expect(host.public_send(method, *objects.map { object }, **keywords)).to be_nil
        end
        publisher.subscribe(event) { raise 'no' }
        expect(host.public_send(method, *objects, **keywords)).to be_nil
      end
    end
  end

  it 'has no other public method than those, and the generic ones' do
    described = Tasker::Events.catalog.values.flat_map { |entry| entry[:fired_by].grep(/\AEventPublisher#/) }.uniq
    methods = described_class.public_instance_methods.map { |name| "EventPublisher##{name}" }

    expect(described - methods).to eq([])
    expect(methods - described).to contain_exactly(
      'EventPublisher#publish_custom_event', 'EventPublisher#publish_step_event_for_context',
      'EventPublisher#infer_step_event_type_from_state'
    )
  end

  it 'has the private methods that upstream has, with their parameters' do
    parameters = %i[publish_event publish_event_with_logging build_step_payload build_task_payload
                    build_orchestration_payload extract_duration_from_step].to_h do |name|
      [name, described_class.instance_method(name).arity]
    end

    expect(described_class.private_instance_methods).to include(*parameters.keys)
    expect(parameters.values).to eq([-2, -2, -3, -3, -2, 1])
  end
end
