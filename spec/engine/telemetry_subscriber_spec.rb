# frozen_string_literal: true

RSpec.describe 'The TelemetrySubscriber of the engine' do
  let(:telemetry_subscriber) { Tasker::Events::Subscribers::TelemetrySubscriber }

  def run_task(task_id = 7)
    publish('task.start_requested', task_id: task_id, task_name: 'order_process')
    publish('step.before_handle', task_id: task_id, step_id: 21, step_name: 'pay')
    publish('step.completed', task_id: task_id, step_id: 21, step_name: 'pay')
    publish('task.completed', task_id: task_id, task_name: 'order_process')
  end

  it 'is connected at boot, without OpenTelemetry' do
    expect(defined?(OpenTelemetry)).to be_nil
    expect { run_task }.to have_span('tasker.step.execution').under('tasker.task.execution').with_status('OK')
  end

  it 'makes no span twice, however often it is subscribed' do
    2.times { telemetry_subscriber.subscribe(publisher) }
    run_task

    expect(spans.map(&:name)).to contain_exactly('tasker.step.execution', 'tasker.task.execution')
  end

  it 'makes spans again once telemetry was on again' do
    configure(enabled: false)
    run_task(7)
    Tasker.configuration.telemetry.enabled = true
    run_task(8)

    expect(roots.map { |root| root.attribute('task_id') }).to eq(['8'])
  end

  describe 'an instance that is not subscribed' do
    let(:subscriber) { telemetry_subscriber.new }

    it 'makes spans of what it is told, and has open ones of its own' do
      subscriber.handle_task_start_requested(task_id: 7, task_name: 'order_process')
      expect(subscriber.get_task_span(7)).to have_attributes(trace_id: /\A\h{32}\z/)
      expect(telemetry_subscriber.new.get_task_span(7)).to be_nil
      subscriber.handle_task_completed(task_id: 7, task_name: 'order_process')

      expect(subscriber.get_task_span(7)).to be_nil
      expect(roots.size).to eq(1)
    end

    it 'gives a span up that is taken out' do
      subscriber.handle_task_start_requested(task_id: 7)
      span = subscriber.remove_task_span(7)
      subscriber.handle_step_completed(task_id: 7, step_id: 1)

      expect(span).to have_attributes(span_id: /\A\h{16}\z/)
      expect(subscriber.get_task_span(7)).to be_nil
      expect(roots).to be_empty
    end

    it 'takes the records of the engine by their ids' do
      step = create_step
      subscriber.handle_step_completed(step_id: step.id, task_id: step.task_id, task: step.task, step_name: step.name)

      expect(only_span.attributes).to include('tasker.step_name' => 'fetch_cart')
    end

    it 'says whether telemetry is on, and whether OpenTelemetry is there' do
      expect([subscriber.telemetry_enabled?, subscriber.opentelemetry_available?]).to eq([true, false])
      configure(enabled: false)
      expect(subscriber.telemetry_enabled?).to be(false)
    end
  end

  describe 'a subclass' do
    let(:order_telemetry) do
      Class.new(telemetry_subscriber) do
        def handle_task_completed(event)
          finish_task_span(event, :ok, extract_attributes(event).merge('region' => 'EU'))
        end
      end
    end

    it 'stands in for the built-in tracing' do
      order_telemetry.subscribe(publisher)
      run_task

      expect(spans.map(&:name)).to contain_exactly('tasker.step.execution', 'tasker.task.execution')
      expect(roots.first.attributes).to include('tasker.region' => 'EU', 'tasker.task_name' => 'order_process')
    end

    it 'does so for attempts that the engine makes' do
      order_telemetry.subscribe(publisher)
      attempt(create_step) { sleep 0.02 }

      expect(step_spans.map(&:duration)).to match([be_between(0.02, 0.2)])
    end

    it 'knows the open spans, and no longer stands in once it is off the publisher' do
      subscriber = order_telemetry.subscribe(publisher)
      publish('task.start_requested', task_id: 7)
      expect(subscriber.get_task_span(7)).not_to be_nil
      publisher.unsubscribe(subscriber)
      Tasker::Native::Testing.reset!
      run_task(8)

      expect(roots.map { |root| root.attribute('region') }).to eq([nil])
    end

    it 'has open spans of its own as long as it is not subscribed' do
      subscriber = order_telemetry.new
      subscriber.handle_task_start_requested(task_id: 7)
      run_task(7)
      subscriber.handle_task_completed(task_id: 7)

      expect(roots.map { |root| root.attribute('region') }).to contain_exactly(nil, 'EU')
    end
  end
end
