# frozen_string_literal: true

RSpec.describe Tasker::Events::Subscribers::BaseSubscriber do
  def subscriber_class(&)
    Class.new(described_class, &)
  end

  # A subscriber that keeps what its handlers were called with.
  let(:recording) do
    subscriber_class do
      def self.name = 'Recording'
      def seen = (@seen ||= [])

      %w[step_completed task_failed order_shipped custom_order_packed camel_case test_event].each do |event|
        define_method(:"handle_#{event}") { |given| seen << [event, given] }
      end
    end
  end

  describe '.subscribe_to' do
    it 'collects names, each once' do
      recording.subscribe_to 'step.completed', 'task.failed'
      recording.subscribe_to 'task.failed', 'order.shipped'

      expect(recording.subscribed_events).to eq(%w[step.completed task.failed order.shipped])
    end

    it 'is inherited, and does not reach up' do
      recording.subscribe_to 'step.completed'
      child = Class.new(recording) { subscribe_to 'task.failed' }

      expect(child.subscribed_events).to eq(%w[step.completed task.failed])
      expect(recording.subscribed_events).to eq(%w[step.completed])
      expect(described_class.subscribed_events).to be_empty
    end
  end

  it 'has the shorter name by which documents call it, too' do
    expect(Tasker::Events::BaseSubscriber).to be(described_class)
  end

  describe '.subscribe' do
    it 'routes each event to the method that is called after it' do
      recording.subscribe_to 'step.completed', 'order.shipped', 'Test.Event'
      subscriber = recording.subscribe(publisher)
      publish('step.completed', step_id: 1)
      publish('order.shipped', order_id: 2)
      publish('Test.Event')
      publish('task.failed')

      expect(subscriber).to be_a(recording)
      expect(subscriber.seen.map(&:first)).to eq(%w[step_completed order_shipped test_event])
      expect(subscriber.seen.map { |_, event| event.id }).to eq(%w[step.completed order.shipped Test.Event])
    end

    it 'writes words of a name apart' do
      recording.subscribe_to 'Camel.CaseIsFun', 'CamelCase'
      subscriber = recording.subscribe(publisher)
      publish('CamelCase')

      expect(subscriber.seen.map(&:first)).to eq(%w[camel_case])
      expect(log).to include('Recording: Handler method handle_camel_case_is_fun not found for event Camel.CaseIsFun')
    end

    it 'warns of a missing handler, and subscribes the others' do
      recording.subscribe_to 'step.failed', 'step.completed'
      subscriber = recording.subscribe(publisher)
      publish('step.failed')
      publish('step.completed')

      expect(log_lines)
        .to eq(['WARN Recording: Handler method handle_step_failed not found for event step.failed'])
      expect(subscriber.seen.size).to eq(1)
    end

    it 'takes protected and private handlers' do
      seen = []
      hidden = subscriber_class do
        subscribe_to 'step.completed'

        private

        define_method(:handle_step_completed) { |event| seen << event }
      end
      hidden.subscribe(publisher)
      publish('step.completed')

      expect(seen.size).to eq(1)
    end

    it 'subscribes to an event of the application by the name under which it is registered' do
      publisher.register_event('custom.order_packed')
      recording.subscribe_to 'order_packed', 'order.never_registered'
      recording.define_method(:handle_order_packed) { |event| seen << ['order_packed', event] }
      recording.define_method(:handle_order_never_registered) { |event| seen << ['never', event] }
      subscriber = recording.subscribe(publisher)
      publish('custom.order_packed')
      publish('order.never_registered')

      expect(subscriber.seen.map(&:first)).to eq(%w[order_packed never])
    end

    it 'takes names with underscores, as Symbols or Strings' do
      recording.subscribe_to :step_completed, 'task_failed', :order_shipped, :test_event
      publisher.register_event('order.shipped')
      subscriber = recording.subscribe(publisher)
      %w[step.completed task.failed order.shipped test.event workflow.step_completed].each { |name| publish(name) }

      expect(subscriber.seen.map(&:first)).to eq(%w[step_completed task_failed order_shipped test_event])
    end

    it 'hears an event of the application whether it is published with custom. in front, or without' do
      recording.subscribe_to 'order.shipped'
      subscriber = recording.subscribe(publisher)
      publish('order.shipped')
      publish('custom.order.shipped')

      expect(subscriber.seen.map { |_, event| event.id }).to eq(%w[order.shipped custom.order.shipped])
    end

    it 'takes a name with custom. as it is, and calls the handler after it' do
      recording.subscribe_to 'custom.order_packed'
      subscriber = recording.subscribe(publisher)
      publish('custom.order_packed')

      expect(subscriber.seen.map(&:first)).to eq(%w[custom_order_packed])
      expect(publisher.registered?('custom.custom.order_packed')).to be(false)
    end

    it 'takes what publish_event publishes first, later' do
      recording.subscribe_to 'order.shipped'
      subscriber = recording.subscribe(publisher)
      host.publish_event('order.shipped', order_id: 5)

      expect(subscriber.seen.map { |_, event| event[:order_id] }).to eq([5])
    end

    it 'takes an event of observability without its first word, unless there is one that is called like that' do
      recording.subscribe_to 'step.max_retries_reached', 'step.handle'
      %w[step_max_retries_reached step_handle].each do |event|
        recording.define_method(:"handle_#{event}") { |given| seen << [event, given] }
      end
      subscriber = recording.subscribe(publisher)
      %w[observability.step.max_retries_reached observability.step.handle step.handle].each { |name| publish(name) }

      expect(subscriber.seen.map { |_, event| event.id })
        .to eq(%w[observability.step.max_retries_reached step.handle])
    end

    it 'follows event_subscriptions, where a subclass has its own' do
      seen = []
      mapped = subscriber_class do
        define_method(:done) { |event| seen << event.id }
        protected define_method(:event_subscriptions) { { 'task.completed' => :done, 'order.closed' => :done } }
      end
      mapped.subscribe(publisher)
      %w[task.completed order.closed].each { |name| publish(name) }

      expect(seen).to eq(%w[task.completed order.closed])
    end

    it 'gives what can be unsubscribed' do
      recording.subscribe_to 'step.completed', 'order.shipped'
      subscriber = recording.subscribe(publisher)

      expect { publisher.unsubscribe(subscriber) }.to change { publisher.subscribed?(subscriber) }.from(true).to(false)
      publish('step.completed')
      expect(subscriber.seen).to be_empty
    end

    it 'raises for an event of the system that does not exist' do
      typo = subscriber_class do
        subscribe_to 'step.compleeted'
        def handle_step_compleeted(_event) = nil
      end

      expect { typo.subscribe(publisher) }.to raise_error(Tasker::Events::UnregisteredEventError, /step\.compleeted/)
    end

    it 'makes an instance for each call, and every one of them listens' do
      recording.subscribe_to 'step.completed'
      subscribers = Array.new(2) { recording.subscribe(publisher) }
      publish('step.completed')

      expect(subscribers.map { |subscriber| subscriber.seen.size }).to eq([1, 1])
    end
  end

  describe '#initialize' do
    it 'takes events beside those of the class' do
      recording.subscribe_to 'step.completed'
      subscriber = recording.new(name: 'mine', events: ['task.failed'], config: { a: 1 })
      subscriber.subscribe_to_publisher(publisher)
      publish('step.completed')
      publish('task.failed')

      expect(subscriber.seen.map(&:first)).to eq(%w[step_completed task_failed])
    end
  end

  describe 'what decides whether a handler is called' do
    before { recording.subscribe_to 'step.completed', 'task.failed', 'order.shipped' }

    def seen_by(subscriber)
      %w[step.completed task.failed order.shipped].each { |name| publish(name) }
      subscriber.seen.map(&:first)
    end

    it 'is the block of filter_events, which is inherited' do
      recording.filter_events { |name| name.start_with?('task.') }

      expect(seen_by(recording.subscribe(publisher))).to eq(%w[task_failed])
      expect(seen_by(Class.new(recording).subscribe(publisher))).to eq(%w[task_failed])
    end

    it 'is should_process_event?, too' do
      recording.define_method(:should_process_event?) { |name| name == 'step.completed' }
      recording.filter_events { |name| name != 'task.failed' }

      expect(seen_by(recording.subscribe(publisher))).to eq(%w[step_completed])
    end

    it 'is asked at every event' do
      wanted = %w[step.completed]
      recording.filter_events { |name| wanted.include?(name) }
      subscriber = recording.subscribe(publisher)
      seen_by(subscriber)
      wanted.replace(%w[order.shipped])

      expect(seen_by(subscriber)).to eq(%w[step_completed order_shipped])
    end

    it 'is isolated, as a handler is' do
      recording.filter_events { |_name| raise 'no filter' }

      expect(seen_by(recording.subscribe(publisher))).to be_empty
      expect(log).to include('Error publishing event task.failed: no filter')
    end
  end

  describe '#safe_get' do
    subject(:subscriber) { subscriber_class { public :safe_get }.new }

    let(:event) { Tasker::Events::Event.new('a.b', { symbol: 1, 'string' => 2, both: 3, 'both' => 4, none: nil }) }

    it 'finds a key as a Symbol, then as a String' do
      expect(subscriber.safe_get(event, :symbol)).to eq(1)
      expect(subscriber.safe_get(event, 'symbol')).to eq(1)
      expect(subscriber.safe_get(event, :string)).to eq(2)
      expect(subscriber.safe_get(event, 'both')).to eq(3)
    end

    it 'gives the default for what is not there, and for no event' do
      expect(subscriber.safe_get(event, :missing)).to be_nil
      expect(subscriber.safe_get(event, :missing, 5)).to eq(5)
      expect(subscriber.safe_get(nil, :symbol, 5)).to eq(5)
      expect(subscriber.safe_get(event, :none, 5)).to be_nil
    end

    it 'takes a plain Hash, too' do
      expect(subscriber.safe_get({ 'a' => 1 }, :a)).to eq(1)
    end
  end

  it 'is isolated like any listener, and counted by its handler' do
    failing = subscriber_class do
      subscribe_to 'step.completed'
      def handle_step_completed(_event) = raise('no')
    end
    stub_const('Failing', failing)
    failing.subscribe(publisher)
    recording.subscribe_to 'step.completed'
    subscriber = recording.subscribe(publisher)
    publish('step.completed')

    expect(subscriber.seen.size).to eq(1)
    expect(log).to include('Error publishing event step.completed: no')
    expect(publisher.stats['step.completed'][:failures_by_listener]).to include('Failing#handle_step_completed' => 1)
  end
end
