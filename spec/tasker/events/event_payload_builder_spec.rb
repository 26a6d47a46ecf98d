# frozen_string_literal: true

require_relative '../../support/records'

RSpec.describe Tasker::Events::EventPayloadBuilder do
  include Records

  let(:attempted) { Time.utc(2026, 1, 2, 3, 4, 5.6789r) }
  let(:step) do
    build_step(last_attempted_at: attempted, processed_at: attempted + 1.23456, attempts: 2, inputs: { a: 1 },
               results: { 'items' => 3 }, parents: [build_step(name: 'first'), build_step(name: 'second')])
  end
  let(:base) do
    { task_id: 7, step_id: 21, step_name: 'fetch_cart', started_at: '2026-01-02T03:04:05Z',
      completed_at: '2026-01-02T03:04:06Z', attempt_number: 2, retry_limit: 3 }
  end

  def build(step = self.step, task = nil, **options)
    described_class.build_step_payload(step, task, **options)
  end

  describe '.build_step_payload' do
    it 'has the keys of every event of a step, with times in whole seconds' do
      expect(build(event_type: :cancelled)).to match(**base, event_type: 'cancelled', timestamp: be_a(String))
    end

    it 'has the time of now' do
      timestamp = build[:timestamp]

      expect(timestamp).to match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/)
      expect(Time.iso8601(timestamp)).to be_within(5).of(Time.now)
    end

    it 'adds inputs and dependencies for :started' do
      expect(build(event_type: :started)).to match(**base, event_type: 'started', timestamp: be_a(String),
                                                           step_inputs: { a: 1 }, step_dependencies: %w[first second])
    end

    it 'adds duration and results for :completed, which is the default' do
      expect(build).to match(**base, event_type: 'completed', timestamp: be_a(String), execution_duration: 1.235,
                                     step_results: { 'items' => 3 })
    end

    it 'has duration 0.0 where times are missing, and no results where there are none' do
      [{ processed_at: nil }, { last_attempted_at: nil }].each do |missing|
        payload = build(build_step(last_attempted_at: attempted, processed_at: attempted, results: {}, **missing))
        expect(payload).to include(execution_duration: 0.0).and not_include(:step_results)
      end
    end

    it 'adds what is known of the failure for :failed' do
      failed = build_step(results: { 'error' => 'no money' })

      expect(build(failed, event_type: :failed)).to include(event_type: 'failed', error_message: 'no money',
                                                            step_results: { 'error' => 'no money' })
      expect(build(build_step, event_type: :failed)).to include(error_message: 'Unknown error')
    end

    it 'takes class and backtrace of a failure from where they are known' do
      known = build_step(results: { 'error_class' => 'IOError', 'backtrace' => ['a.rb:1'] })

      expect(build(build_step, event_type: :failed)).to include(exception_class: 'StandardError')
      expect(build(known, event_type: :failed)).to include(exception_class: 'IOError', backtrace: ['a.rb:1'])
      { { error_class: 'Mine' } => 'Mine', { exception_object: KeyError.new } => 'KeyError',
        { exception_class: 'Own', error_class: 'Mine' } => 'Own' }.each do |context, name|
        expect(build(known, event_type: :failed, additional_context: context)).to include(exception_class: name)
      end
    end

    it 'takes the message of a failure from the context, under both of its names' do
      known = build_step(results: { error: 'from results' })

      expect(build(known, event_type: :failed, additional_context: { error: 'a' })).to include(error_message: 'a')
      expect(build(known, event_type: :failed, additional_context: { error: 'a', error_message: 'b' }))
        .to include(error_message: 'b')
      expect(build(known, event_type: :failed)).to include(error_message: 'from results')
    end

    it 'has no duration where the end is that of an earlier attempt' do
      expect(build(build_step(last_attempted_at: attempted, processed_at: attempted - 60)))
        .to include(execution_duration: 0.0)
    end

    it 'adds previous attempts, reason and strategy for :retry' do
      expect(build(event_type: :retry)).to match(
        **base, event_type: 'retry', timestamp: be_a(String), previous_attempts: 1,
                retry_reason: 'Step execution failed', backoff_strategy: 'exponential'
      )
    end

    it 'lets the context win, over what is there and over what the event adds' do
      payload = build(event_type: :completed, additional_context: { step_name: 'mine', execution_duration: 5, more: 1 })

      expect(payload).to include(step_name: 'mine', execution_duration: 5, more: 1)
    end

    it 'counts the first attempt as 1 where a step does not know' do
      expect(build(build_step(attempts: nil))).to include(attempt_number: 1)
      expect(build(build_step(attempts: 0))).to include(attempt_number: 0)
    end

    it 'takes the id of the task from the step, from its task, or from the task that is given' do
      with_task = Struct.new(:task).new(Struct.new(:task_id).new(8))

      expect(build).to include(task_id: 7)
      expect(build(with_task)).to include(task_id: 8)
      expect(build(Struct.new(:name).new('x'), build_task(task_id: 9))).to include(task_id: 9)
    end

    it 'keeps times in other zones, and times that are text already' do
      zoned = build_step(last_attempted_at: Time.new(2026, 1, 2, 3, 4, 5, '+05:30'), processed_at: 'yesterday')

      expect(build(zoned)).to include(started_at: '2026-01-02T03:04:05+05:30', completed_at: 'yesterday',
                                      execution_duration: 0.0)
    end

    it 'leaves out what a step does not answer, or raises at' do
      bare = Struct.new(:name).new('bare')
      grumpy = Class.new do
        def name = 'grumpy'
        def workflow_step_id = raise('no id')
        def results = raise(NotImplementedError)
      end.new

      expect(build(bare).keys).to contain_exactly(:step_name, :started_at, :completed_at, :attempt_number, :event_type,
                                                  :timestamp, :execution_duration)
      expect(build(grumpy)).to include(step_name: 'grumpy').and not_include(:step_id)
    end

    it 'takes anything at all' do
      [nil, 5, 'text', Object.new, BasicObject.new].each do |object|
        expect(build(object)).to include(event_type: 'completed', attempt_number: 1)
      end
    end

    it 'is always a Hash of its own' do
      context = { more: 1 }.freeze

      expect(build(additional_context: context)).not_to be_frozen
      expect(context).to eq(more: 1)
    end
  end

  describe '.build_task_payload' do
    let(:created) { Time.now.utc - 10 }
    let(:steps) do
      [build_step(status: 'complete', processed_at: created + 3), build_step(status: 'pending'),
       build_step(status: 'error'), build_step(status: 'resolved_manually', processed_at: created + 4)]
    end
    let(:task) { build_task(created_at: created, workflow_steps: steps) }

    def build(task = self.task, **options)
      described_class.build_task_payload(task, **options)
    end

    it 'has the keys of every event of a task' do
      expect(build).to match(
        task_id: 7, task_name: 'order_process', started_at: created.strftime('%Y-%m-%dT%H:%M:%SZ'),
        completed_at: nil, task_type: 'Workflow::Task', event_type: 'completed', timestamp: be_a(String),
        total_execution_duration: nil, current_execution_duration: be_within(1).of(10),
        total_steps: 4, completed_steps: 2, failed_steps: 1, pending_steps: 1
      )
    end

    it 'has the whole duration, under both names, once all steps are complete' do
      steps.each { |step| step.status = 'complete' }

      expect(build).to include(completed_at: (created + 4).strftime('%Y-%m-%dT%H:%M:%SZ'),
                               total_execution_duration: 4.0, execution_duration: 4.0, current_execution_duration: nil,
                               completed_steps: 4, failed_steps: 0, pending_steps: 0)
    end

    it 'adds the context of the task for :started' do
      expect(build(event_type: :started)).to include(task_context: { 'cart_id' => 5 }, total_steps: 4)
    end

    it 'adds what is known of the failure for :failed' do
      expect(build(event_type: :failed)).to include(error_message: 'Task execution failed')
      expect(build(event_type: :failed, additional_context: { error: 'down' })).to include(error_message: 'down')
    end

    it 'adds the steps of a failure, and their results, where there are any' do
      expect(build(event_type: :failed, additional_context: { error_steps: ['ship'] }))
        .to include(error_steps: ['ship'], error_step_results: nil)
      expect(build(event_type: :failed, additional_context: { error_steps: [1], error_step_results: [{ a: 1 }] }))
        .to include(error_step_results: [{ a: 1 }])
      expect(build(event_type: :failed, additional_context: { error_steps: [] })).not_to include(:error_step_results)
    end

    it 'lets the caller win' do
      expect(build(additional_context: { task_name: 'mine', total_steps: 99, more: 1 }))
        .to include(task_name: 'mine', total_steps: 99, more: 1)
    end

    it 'has no steps where a task does not tell, or raises' do
      bare = Struct.new(:task_id).new(1)
      grumpy = Class.new { def workflow_steps = raise('no') }.new
      none = { total_steps: 0, completed_steps: 0, failed_steps: 0, pending_steps: 0, task_name: 'unknown_task' }

      expect([bare, grumpy, nil, Object.new].map { |task| build(task) }).to all(include(none))
    end
  end

  describe '.build_orchestration_payload' do
    it 'has type, mark and time, then the context, which wins' do
      payload = described_class.build_orchestration_payload(event_type: :task_started, context: { task_id: 7 })

      expect(payload).to match(event_type: 'task_started', orchestration_event: true, task_id: 7,
                               timestamp: match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/))
      expect(described_class.build_orchestration_payload(event_type: :a, context: { event_type: 'b', timestamp: 5 }))
        .to eq(event_type: 'b', orchestration_event: true, timestamp: 5)
    end
  end

  describe 'with records' do
    around { |example| in_transaction { example.run } }

    let(:task) { Records::TaskRecord.create!(name: 'order', status: 'in_progress', context: { a: 1 }) }
    let!(:record) do
      Records::StepRecord.create!(task_id: task.task_id, name: 'fetch', status: 'complete', attempts: 1, retry_limit: 3,
                                  inputs: {}, results: { ok: 1 }, last_attempted_at: attempted,
                                  processed_at: attempted + 2)
    end

    before do
      Records::StepRecord.create!(task_id: task.task_id, name: 'ship', status: 'pending')
      task.reload
      record.reload
    end

    it 'reads a step without a query, whatever the event' do
      made = queries do
        %i[started before_handle completed failed retry].each do |type|
          described_class.build_step_payload(record, event_type: type)
        end
      end

      expect(made).to be_empty
      expect(described_class.build_step_payload(record)).to include(
        task_id: task.task_id, step_id: record.workflow_step_id, step_name: 'fetch', execution_duration: 2.0,
        started_at: '2026-01-02T03:04:05Z', step_results: { 'ok' => 1 }
      )
    end

    it 'publishes a step without a query' do
      made = queries do
        host.publish_step_started(record)
        host.publish_step_before_handle(record)
        host.publish_step_completed(record)
      end

      expect(made).to be_empty
      expect(only_span.attributes).to include('tasker.step_name' => 'fetch', 'tasker.step_dependencies' => '[]')
    end

    it 'reads a task with one query, which counts, and loads no step' do
      3.times { Records::StepRecord.create!(task_id: task.task_id, name: 'failed', status: 'error', processed_at: Time.now) }
      payload = nil
      made = queries { payload = described_class.build_task_payload(task) }

      expect(made).to contain_exactly(/COUNT.*GROUP BY/)
      expect(task.workflow_steps).not_to be_loaded
      expect(payload).to include(task_id: task.task_id, total_steps: 5, completed_steps: 1, pending_steps: 1,
                                 failed_steps: 3, completed_at: nil)
    end

    it 'knows when the last step was completed' do
      task.update!(created_at: attempted - 1)
      task.workflow_steps.update_all(status: 'complete')

      expect(described_class.build_task_payload(task)).to include(
        completed_at: '2026-01-02T03:04:07Z', total_execution_duration: 3.0, current_execution_duration: nil
      )
    end

    it 'asks nothing where the caller says how far the steps are' do
      counts = { total_steps: 4, completed_steps: 3, failed_steps: 1, pending_steps: 0 }
      payload = nil

      expect(queries { payload = described_class.build_task_payload(task, additional_context: counts) }).to be_empty
      expect(payload).to include(**counts, current_execution_duration: be_a(Float))
    end

    it 'counts the steps of a task that is not saved yet in memory' do
      unsaved = Records::TaskRecord.new(name: 'new', workflow_steps: [Records::StepRecord.new(status: 'pending')])

      payload = nil

      expect(queries { payload = described_class.build_task_payload(unsaved) }).to be_empty
      expect(payload).to include(total_steps: 1, pending_steps: 1)
    end

    it 'leaves out what a table of steps without status can not tell' do
      steps = Records::StatelessStepRecord.where(task_id: 1)
      payload = described_class.build_task_payload(build_task(workflow_steps: steps))

      expect(payload).to include(total_steps: 0).and not_include(:completed_steps, :failed_steps, :pending_steps)
    end

    it 'reads a task whose steps are loaded without a query' do
      task.workflow_steps.load

      expect(queries { described_class.build_task_payload(task, event_type: :started) }).to be_empty
    end

    it 'asks the class of the steps where it knows task_completion_stats' do
      known = { total_steps: 9, completed_steps: 9, failed_steps: 0, pending_steps: 0,
                latest_completion_time: Time.now }
      Records::StepRecord.define_singleton_method(:task_completion_stats) { |_task| known }

      expect(queries { described_class.build_task_payload(task) }).to be_empty
      expect(described_class.build_task_payload(task)).to include(total_steps: 9, current_execution_duration: nil)
    ensure
      Records::StepRecord.singleton_class.remove_method(:task_completion_stats)
    end

    it 'publishes a task that nobody wants to hear of without a query' do
      configure(enabled: false)

      expect(queries { host.publish_task_completed(task) }).to be_empty
    end

    it 'never looks a record up for an id' do
      expect(queries { publish('step.completed', task_id: 'task-123', step_id: 'step-5') }).to be_empty
    end
  end
end
