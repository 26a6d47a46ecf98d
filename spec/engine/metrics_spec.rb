# frozen_string_literal: true

RSpec.describe 'The MetricsSubscriber of the engine' do
  let(:task) { create_task('fetch_cart', 'pay') }
  let(:step) { task.workflow_steps.order(:workflow_step_id).first }

  it 'is connected, once' do
    expect(publisher.subscribers.grep(Tasker::Events::Subscribers::MetricsSubscriber).size).to eq(1)
  end

  it 'counts a task and each attempt of its steps once, however often their ends are told' do
    run_task(task)

    expect(metrics).to eq('step_completed_total' => 2, 'task_completed_total' => 1)
  end

  it 'counts the attempts of a step apart' do
    attempt(step) { raise 'no' }
    retry_step(step)
    attempt(step) { raise 'no' }
    retry_step(step)
    attempt(step)

    expect(metrics).to eq('step_failed_total' => 2, 'step_completed_total' => 1)
  end

  it 'counts the attempts of a handler that is none of the engine\'s once' do
    attempt(step, Struct.new(:results) { def handle(*) = results }.new)

    expect(metrics).to eq('step_completed_total' => 1)
  end

  it 'counts a step once for which there is no handler' do
    executor = Tasker::Orchestration::StepExecutor.new
    executor.execute_single_step(task, nil, step, Class.new { def get_step_handler(_) = raise(KeyError) }.new)

    expect(metrics).to eq('step_failed_total' => 1)
  end

  it 'counts a task that fails once' do
    step.update!(retry_limit: 1)
    task.state_machine.transition_to!('in_progress')
    attempt(step) { raise 'no' }
    finalize(task)

    expect(task.status).to eq('error')
    expect(metrics).to eq('step_failed_total' => 1, 'task_failed_total' => 1)
  end

  it 'counts steps that run at the same time' do
    Array.new(4) { |id| Thread.new { handle(step_in_memory(id)) } }.each(&:join)

    expect(metrics).to eq('step_completed_total' => 4)
  end

  it 'counts what the application tells itself, with its labels and its duration' do
    host.publish_step_completed(step, status: 'ok', duration: 0.2)

    expect(metrics.keys).to contain_exactly(/\Astep_completed_total.*status.*ok/, /\Astep_duration_seconds.*status.*ok/)
    expect(metrics.values.first).to eq(1)
  end

  it 'keeps no copies of the events' do
    run_task(task)

    expect(Tasker::Telemetry::TraceBackend.instance.traces).to be_empty
    expect(Tasker::Telemetry::LogBackend.instance.logs).to be_empty
  end

  it 'counts nothing while telemetry is off' do
    configure(enabled: false)
    attempt(step)
    expect(metrics).to be_empty
    Tasker.configuration.telemetry.enabled = true
    attempt(task.workflow_steps.order(:workflow_step_id).last)

    expect(metrics).to eq('step_completed_total' => 1)
  end

  it 'counts what it is handed as a Hash, as the engine does' do
    subscriber = Tasker::Events::Subscribers::MetricsSubscriber.new
    subscriber.handle_event('task.completed', { task_id: 7 })

    expect(metrics).to eq('task_completed_total' => 1)
  end
end
