# frozen_string_literal: true

RSpec.describe 'The BaseSubscriber of the engine' do
  let(:base) { Tasker::Events::Subscribers::BaseSubscriber }

  # A subscriber that keeps what its handlers were called with.
  def subscriber_class(*names, &block)
    Class.new(base) do
      def self.name = 'OrderSubscriber'
      def seen = @seen ||= []

      names.each do |name|
        subscribe_to name
        define_method(:"handle_#{name.to_s.tr('.', '_')}") { |event| seen << [name, event.id, event[:n]] }
      end
      class_eval(&block) if block
    end
  end

  describe '.subscribe' do
    it 'routes events to the methods that are called after them' do
      subscriber = subscriber_class('step.completed', 'observability.task.enqueue').subscribe(publisher)
      publish('step.completed', n: 1)
      publish('observability.task.enqueue', n: 2)
      publish('step.failed', n: 3)

      expect(subscriber.seen).to eq([['step.completed', 'step.completed', 1],
                                     ['observability.task.enqueue', 'observability.task.enqueue', 2]])
    end

    it 'takes an event of the application by its name, whichever of its names is published, and whenever first' do
      subscriber = subscriber_class('order.fulfilled').subscribe(publisher)
      host.publish_custom_event('order.fulfilled', n: 1)
      host.publish_event('custom.order.fulfilled', n: 2)

      expect(subscriber.seen).to eq([['order.fulfilled', 'order.fulfilled', 1],
                                     ['order.fulfilled', 'custom.order.fulfilled', 2]])
    end

    it 'takes the name of a system event with underscores' do
      subscriber = subscriber_class(:task_completed).subscribe(publisher)
      publish('task.completed', n: 1)

      expect(subscriber.seen).to eq([[:task_completed, 'task.completed', 1]])
    end

    it 'warns of a handler that there is not, and goes on' do
      subscriber = subscriber_class('step.completed') { subscribe_to 'step.failed' }
      allow(Rails.logger).to receive(:warn)
      instance = subscriber.subscribe(publisher)
      publish('step.completed', n: 1)

      expect(Rails.logger).to have_received(:warn).with(/Handler method handle_step_failed not found/)
      expect(instance.seen.size).to eq(1)
    end

    it 'does not subscribe those of other classes' do
      subscriber_class('step.completed')
      expect([base.subscribed_events, subscriber_class.subscribed_events]).to eq([[], []])
    end
  end

  describe 'a filter' do
    it 'is asked at every event' do
      open = false
      subscriber = subscriber_class('step.completed') { filter_events { |_| open } }.subscribe(publisher)
      publish('step.completed', n: 1)
      open = true
      publish('step.completed', n: 2)

      expect(subscriber.seen.map(&:last)).to eq([2])
    end

    it 'is given the name of the event' do
      names = []
      filtered = subscriber_class('step.completed', 'order.sent') { filter_events { |name| names << name } }
      filtered.subscribe(publisher)
      publish('step.completed', n: 1)
      host.publish_event('order.sent', n: 2)

      expect(names).to eq(%w[step.completed order.sent])
    end

    it 'is should_process_event?, too, which may change its mind' do
      subscriber = subscriber_class('step.completed') do
        attr_accessor :busy

        def should_process_event?(_name) = !busy
      end.subscribe(publisher)
      [false, true, false].each.with_index(1) do |busy, n|
        subscriber.busy = busy
        publish('step.completed', n: n)
      end

      expect(subscriber.seen.map(&:last)).to eq([1, 3])
    end
  end

  it 'may be taken off the publisher' do
    subscriber = subscriber_class('step.completed').subscribe(publisher)
    expect(publisher.subscribed?(subscriber)).to be(true)
    publisher.unsubscribe(subscriber)
    publish('step.completed', n: 1)

    expect(subscriber.seen).to be_empty
  end

  it 'takes events for one instance, and has a name and a configuration' do
    subscriber = subscriber_class { def handle_task_failed(event) = seen << event.id }
                 .new(name: 'audit', events: ['task.failed'], config: { a: 1 })
    subscriber.subscribe_to_publisher(publisher)
    publish('task.failed')

    expect(subscriber.seen).to eq(['task.failed'])
    expect(subscriber.instance_variable_get(:@subscription_config)).to eq(a: 1)
  end

  it 'does not stop others with what its handlers raise' do
    subscriber_class { def handle_test_event(_) = raise(IOError, 'disk full') }
      .tap { |failing| failing.subscribe_to('test.event') }.subscribe(publisher)
    subscriber = subscriber_class('test.event').subscribe(publisher)
    publish('test.event', n: 1)

    expect(subscriber.seen.size).to eq(1)
    expect(publisher.stats.dig('test.event', :failures_by_listener)).to include('OrderSubscriber#handle_test_event')
  end

  it 'subscribes at a double of a publisher as the engine does' do
    double = instance_double(Tasker::Events::Publisher)
    allow(double).to receive(:subscribe).and_yield(event_of(n: 5))
    subscriber = subscriber_class('step.completed', 'order.fulfilled').subscribe(double)

    expect(double).to have_received(:subscribe).with('step.completed')
    expect(double).to have_received(:subscribe).with('custom.order.fulfilled')
    expect(subscriber.seen.map(&:last)).to eq([5, 5])
  end

  def event_of(payload)
    Tasker::Native::Event.new('step.completed', payload)
  end

  describe 'what it reads from events' do
    let(:subscriber) { subscriber_class.new }
    let(:payloads) do
      [
        {},
        { task_id: 7, step_id: 21, step_name: 'pay', timestamp: Time.utc(2026), task_name: 'order_process' },
        { 'task_id' => 7, 'step_name' => 'pay', 'attempt_number' => '3', 'retry_limit' => 3 },
        { execution_duration: '1.5', total_steps: 3, completed_steps: '2', failed_steps: nil, started_at: 1 },
        { error_message: 'no', exception_class: 'Net::ReadTimeout', attempt_number: 3, retry_limit: 3,
          retryable: true },
        { exception_class: 'ActiveRecord::RecordNotFound', attempt_number: 1, retry_limit: 3 },
        { exception_class: '' },
        { memory_usage: 5.5, cpu_time: '2', queue_time: nil, processing_time: 1, retry_delay: 0.5 },
        { source_system: 'web', retryable: true, attempt_number: 2, priority: 'high', task_name: 'unknown' }
      ]
    end

    %i[extract_step_attributes extract_timing_metrics extract_error_metrics extract_performance_metrics
       extract_metric_tags].each do |method|
      it "is what the engine reads, by #{method}" do
        events = payloads + payloads.map { |payload| event_of(payload) }
        events.each { |event| expect(read(method, event)).to eq(engine_reads(method, event)) }
      end
    end

    it 'is what the engine reads, by safe_get, extract_core_attributes and extract_numeric_metric' do
      event = event_of('size' => '5', task_id: 7, price: 'free', timestamp: Time.utc(2026))

      expect(read(:safe_get, event, :size)).to eq('5')
      expect(read(:safe_get, event, 'task_id')).to eq(7)
      expect(read(:safe_get, event, :none, 3)).to eq(3)
      expect(read(:extract_core_attributes, event)).to eq(engine_reads(:extract_core_attributes, event))
      [[:size], [:price, 9], [:none], [:task_id]].each do |arguments|
        expect(read(:extract_numeric_metric, event, *arguments))
          .to eql(engine_reads(:extract_numeric_metric, event, *arguments))
      end
    end

    it 'is the class of an error under either of its names, which the engine does not know' do
      expect(read(:extract_error_metrics, event_of(error_class: 'Faraday::ConnectionFailed')))
        .to include(error_class: 'Faraday::ConnectionFailed', error_type: 'network')
    end

    it 'is a name of a metric' do
      expect(read(:build_metric_name, 'tasker.task.', '.completed')).to eq('tasker.task.completed')
    end

    def read(method, *arguments)
      subscriber.send(method, *arguments)
    end

    # By its own method, in front of which ours stands.
    def engine_reads(method, *arguments)
      subscriber.method(method).super_method.call(*arguments)
    end
  end
end
