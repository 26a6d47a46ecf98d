# frozen_string_literal: true

require_relative '../support/metrics_parser'

# What is counted and measured without being asked, from the spans of tasks and steps.
RSpec.describe 'Metrics of spans' do
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }

  def samples(format = :prometheus)
    Tasker::Native.flush # roots are released
    MetricsParser.instance.parse(metrics.export(format: format), format: format).flat_map(&:samples)
  end

  def values
    samples.to_h { |sample| [[sample.name, sample.labels], sample.value] }
  end

  def step(event, id = 1, **payload)
    publish("step.#{event}", task_id: 7, step_id: id, step_name: 'pay', **payload)
  end

  it 'count an attempt once, however often its end is announced' do
    step('before_handle')
    sleep 0.02
    3.times { step('completed') }

    expect(values).to include(['step_completed_total', { 'step_name' => 'pay' }] => 1,
                              ['step_duration_seconds_count', { 'step_name' => 'pay', 'status' => 'completed' }] => 1)
    expect(values[['step_duration_seconds_sum', { 'step_name' => 'pay', 'status' => 'completed' }]])
      .to be_between(0.02, 0.5)
  end

  it 'count what failed, by what was raised, and what was cancelled' do
    step('before_handle')
    step('failed', error_class: 'Timeout::Error', error_message: 'card 4111 1111 1111 1111')
    step('before_handle', 2)
    step('cancelled', 2)

    expect(values).to include(
      ['step_failed_total', { 'step_name' => 'pay' }] => 1,
      ['step_errors_total', { 'step_name' => 'pay', 'error_type' => 'Timeout::Error' }] => 1,
      ['step_cancelled_total', { 'step_name' => 'pay' }] => 1
    )
    expect(metrics.export(format: :prometheus)).not_to include('4111')
  end

  it 'count tasks' do
    publish('task.start_requested', task_id: 7, task_name: 'order')
    publish('task.completed', task_id: 7, task_name: 'order')
    publish('task.failed', task_id: 8, task_name: 'order', error_message: 'x')

    expect(values).to include(
      ['task_completed_total', { 'task_name' => 'order' }] => 1, ['task_failed_total', { 'task_name' => 'order' }] => 1,
      ['task_duration_seconds_count', { 'task_name' => 'order', 'status' => 'completed' }] => 1
    )
  end

  it 'have the steps in flight, of all processes' do
    step('before_handle', 1)
    step('before_handle', 2)
    reader, writer = IO.pipe
    child = fork do
      step('before_handle', 3)
      writer.puts values[['steps_in_flight', {}]]
      exit!(true)
    end
    Process.wait(child)
    step('completed', 2)

    expect(reader.gets).to eq("1.0\n") # tests share no metrics
    expect(values).to include(['steps_in_flight', {}] => 1)
  end

  it 'count retries' do
    step('retry_requested', retry_reason: 'again')

    expect(values).to include(['step_retries_total', { 'step_name' => 'pay' }] => 1)
  end

  it 'have the trace of what was measured' do
    step('before_handle')
    step('completed')
    bucket = samples(:openmetrics).find(&:exemplar)
    span = Tasker::Native::Testing.finished_spans.find { |one| one.name == 'tasker.step.execution' }

    expect(bucket.name).to eq('step_duration_seconds_bucket')
    expect(bucket.exemplar['labels']).to eq('trace_id' => span.trace_id, 'span_id' => span.span_id)
    expect(bucket.exemplar['value']).to be_between(0, 0.5)
  end

  it 'are none where metrics are off' do
    configure(metrics_enabled: false)
    step('before_handle')
    step('completed')

    expect(samples).to be_empty
  end

  it 'are bounded, whatever names come' do
    configure(metrics_cardinality_limit: 3)
    10.times { |id| publish('step.completed', task_id: 1, step_id: id, step_name: "step #{id}") }

    expect(samples.count { |sample| sample.name == 'step_completed_total' }).to eq(4)
    expect(values).to include(['step_completed_total', { 'otel_metric_overflow' => 'true' }] => 7)
  end
end
