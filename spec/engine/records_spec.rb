# frozen_string_literal: true

RSpec.describe 'Records and state machines of the engine' do
  let(:step) { create_step }
  let(:task) { step.task }

  describe 'a change of the state of a step' do
    before { step.tap(&:named_step).task.named_task }

    it 'publishes an event made of the step that changes' do
      events = listen('step.execution_requested')
      change('in_progress')

      expect(events.map(&:payload)).to match([include(step_id: step.id, task_id: step.task_id, step_name: 'fetch_cart',
                                                      event_type: 'started', attempt_number: 1, to_state: 'in_progress',
                                                      transitioned_at: be_a(ActiveSupport::TimeWithZone))])
    end

    it 'makes no more queries than a change of which nothing is told' do
      listen('step.execution_requested', 'step.completed')
      told = queries { change('in_progress', 'complete') }.size
      allow(Tasker::StateMachine::StepStateMachine).to receive(:safe_fire_event)
      silent = create_task('pay', context: { cart_id: 18 }).workflow_steps.first.tap(&:named_step)

      expect(told).to eq(queries { change('in_progress', 'complete', of: silent) }.size)
    end

    it 'tells what the step in memory has, saved or not' do
      events = listen('step.completed')
      change('in_progress')
      step.results = { items: 3 }
      change('complete')

      expect(events.map(&:payload)).to match([include(step_results: { 'items' => 3 }, to_state: 'complete')])
    end

    it 'publishes the same keys as the engine would' do
      events = listen('step.execution_requested')
      change('in_progress')

      expect(events.first.payload.keys).to contain_exactly(
        :task_id, :step_id, :step_name, :started_at, :completed_at, :attempt_number, :retry_limit, :event_type,
        :timestamp, :step_inputs, :step_dependencies, :from_state, :to_state, :transitioned_at
      )
    end

    { %w[cancelled] => 'step.cancelled', %w[in_progress error resolved_manually] => 'step.resolved_manually',
      %w[in_progress error] => 'step.failed' }.each do |states, name|
      it "tells of #{states.last} by #{name}" do
        events = listen(name)
        change(*states)

        expect(events.map { |event| event[:to_state] }).to eq([states.last])
      end
    end

    it 'tells of a step of which only the id is known as the engine does' do
      events = listen('step.completed')
      Tasker::StateMachine::StepStateMachine.safe_fire_event('step.completed', step_id: step.id, task_id: step.task_id)
      Tasker::StateMachine::StepStateMachine.safe_fire_event('step.completed', step_id: -1, task_id: 'task-123')

      expect(events.map { |event| event.payload[:step_name] }).to eq(['fetch_cart', nil])
    end

    it 'is announced for each step by itself, when a listener changes another one' do
      other = create_task('pay', context: { cart_id: 18 }).workflow_steps.first
      events = listen('step.execution_requested')
      publisher.subscribe('step.execution_requested', step_id: step.id) do |_|
        other.state_machine.transition_to!('in_progress')
      end
      step.state_machine.transition_to!('in_progress')

      expect(events.map { |event| event.payload.values_at(:step_id, :step_name) })
        .to contain_exactly([step.id, 'fetch_cart'], [other.id, 'pay'])
    end

    it 'leaves the answer and the errors of a change as they are' do
      expect(step.state_machine.transition_to!('in_progress')).to be(true)
      expect { step.state_machine.transition_to!('in_progress') }.to raise_error(Statesman::TransitionFailedError)
      expect(step.state_machine.transition_to('resolved_manually')).to be(false)
    end

    def change(*states, of: step)
      states.each { |state| of.state_machine.transition_to!(state) }
    end
  end

  describe 'current_state' do
    it 'is what the database has, also when somebody else has changed it' do
      step.status
      fresh(step).state_machine.transition_to!('in_progress')

      expect([step.status, step.state_machine.current_state]).to eq(%w[in_progress in_progress])
    end
  end

  describe 'task_completion_stats' do
    let(:stats) { Tasker::WorkflowStep.task_completion_stats(task) }

    before do
      stub_const('WAYS', [[], %w[in_progress], %w[in_progress complete], %w[in_progress error], %w[cancelled],
                          %w[in_progress error pending], %w[in_progress error resolved_manually],
                          %w[resolved_manually], %w[in_progress cancelled],
                          %w[in_progress error pending in_progress complete]])
    end

    # The engine's own, in front of which ours stands.
    def engine_stats(task)
      Tasker::WorkflowStep.method(:task_completion_stats).super_method.call(task)
    end

    # Tasks of up to five steps, each in a state to which one of these ways has led.
    def tasks_by_chance(count)
      chance = Random.new(RSpec.configuration.seed)
      Array.new(count) do |number|
        names = Array.new(chance.rand(0..5)) { |index| "step_#{index}" }
        create_task(*names, context: { number: number }).tap do |task|
          task.workflow_steps.each { |step| bring(step, WAYS.sample(random: chance), Time.at(chance.rand(1e9))) }
        end
      end
    end

    def bring(step, states, processed_at)
      step.update!(processed_at: states.any? ? processed_at : nil)
      states.each { |state| step.state_machine.transition_to!(state) }
    end

    it 'is what the four queries of the engine tell, in one, whatever the states of the steps are' do
      allow(Tasker::StateMachine::StepStateMachine).to receive(:step_dependencies_met?).and_return(true)

      tasks_by_chance(15).each do |task|
        expect(Tasker::WorkflowStep.task_completion_stats(task)).to eq(engine_stats(task))
        expect(queries { Tasker::WorkflowStep.task_completion_stats(task) }.size).to eq(1)
      end
    end

    it 'tells the time as the engine does, in the zone of the app' do
      bring(step, %w[in_progress complete], Time.utc(2026, 1, 2, 3, 4, 5.25r))
      latest = Time.use_zone('Tokyo') { [stats, engine_stats(task)].map { |told| told[:latest_completion_time] } }

      expect(latest.map(&:class).uniq).to eq([ActiveSupport::TimeWithZone])
      expect(latest.map(&:to_s).uniq.size).to eq(1)
    end

    it 'may be asked of a scope' do
      expect(Tasker::WorkflowStep.where(task_id: -1).task_completion_stats(task))
        .to eq(Tasker::WorkflowStep.where(task_id: -1).scoping { engine_stats(task) })
    end
  end

  describe 'a task' do
    let(:task) { create_task('fetch_cart', 'pay') }
    let(:root) { roots.first }

    it 'gives one root with all of its steps below it, and what the finalizer tells' do
      run_task(task)

      expect(roots.size).to eq(1)
      expect(root).to have_attributes(status: 'OK')
      expect(root.attributes).to include('tasker.task_name' => 'order_process', 'tasker.total_steps' => 2,
                                         'tasker.completed_steps' => 2)
      expect(step_spans.map { |span| [span.parent_id, span.attribute('step_name')] })
        .to eq([[root.id, 'fetch_cart'], [root.id, 'pay']])
    end

    it 'keeps its root while it waits for another try' do
      %w[in_progress pending in_progress].each { |state| task.state_machine.transition_to!(state) }
      task.workflow_steps.order(:workflow_step_id).each { |step| attempt(step) }
      finalize(task)

      expect(roots.map(&:status)).to eq(['OK'])
    end

    it 'has waits and retries of its steps below its root' do
      step = task.workflow_steps.order(:workflow_step_id).first
      task.state_machine.transition_to!('in_progress')
      host.publish_step_started(step)
      sleep 0.02
      host.publish_step_before_handle(step)
      host.publish_step_retry_requested(step)
      host.publish_task_completed(task)

      expect([spans('tasker.step.queued'), spans('tasker.step.retry')].map { |found| found.map(&:parent_id) })
        .to eq([[root.id], [root.id]])
    end

    it 'has a span for a step that is cancelled in its attempt, and none for one that is settled without any' do
      first, second = task.workflow_steps.order(:workflow_step_id).to_a
      %w[in_progress cancelled].each { |state| first.state_machine.transition_to!(state) }
      second.state_machine.transition_to!('resolved_manually')

      expect(step_spans.map { |span| [span.attribute('step_name'), span.status] }).to eq([%w[fetch_cart UNSET]])
    end

    it 'ends when it is cancelled, or resolved by hand' do
      task.state_machine.transition_to!('in_progress')
      task.state_machine.transition_to!('cancelled')
      other = create_task(context: { cart_id: 18 })
      %w[in_progress error resolved_manually].each { |state| other.state_machine.transition_to!(state) }

      expect(roots.map { |root| [root.attribute('task_id'), root.status] })
        .to contain_exactly([task.id.to_s, 'UNSET'], [other.id.to_s, 'ERROR'])
    end

    it 'has an error whose message is filtered, with its class' do
      configure(filter_parameters: [:message])
      attempt(task.workflow_steps.order(:workflow_step_id).first) { raise IOError, 'card 4111 refused' }

      expect(only_span.status_message).not_to include('4111')
      expect(only_span.events.last.attributes).to include('exception.type' => 'IOError',
                                                          'exception.message' => '[FILTERED]')
    end

    it 'leaves nothing behind in the process that only creates it' do
      task.state_machine.transition_to!('in_progress')

      expect(roots).to be_empty
      expect(stats).to include(accepted: 0, open_tasks: 1)
    end
  end
end
