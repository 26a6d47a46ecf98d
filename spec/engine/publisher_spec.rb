# frozen_string_literal: true

require 'minitest/mock'

RSpec.describe 'The publisher of the engine' do
  let(:heard) { [] }

  def listener
    @listener ||= ->(event) { heard << event.payload[:n] }
  end

  def subscribe(filter = {})
    publisher.subscribe('test.event', filter, &listener)
  end

  describe '#publish' do
    it 'hands an event to the listeners that has the payload, and the time' do
      publisher.subscribe('test.event') { |event| heard << event }
      publish('test.event', n: 1)

      expect(heard.first).to have_attributes(id: 'test.event', payload: { n: 1, timestamp: be_a(Time) })
      expect([heard.first[:n], heard.first.to_h[:n]]).to eq([1, 1])
      expect { heard.first[:nothing] }.to raise_error(KeyError)
    end

    it 'returns the publisher, and is called trigger, too' do
      subscribe
      expect(publish('test.event', n: 1)).to be(publisher)
      expect(publisher.trigger('test.event', n: 2)).to be(publisher)
      expect(heard).to eq([1, 2])
    end

    it 'raises the error of dry-events for a name that nobody has registered' do
      expect { publish('nobody.knows') }.to raise_error(
        Dry::Events::UnregisteredEventError, 'You are trying to publish an unregistered event: `nobody.knows`'
      )
    end

    it 'runs the next listener when one raises, which is logged and counted' do
      publisher.subscribe('test.event') { |_| raise IOError, 'disk full' }
      subscribe
      before = failures

      expect(publish('test.event', n: 1)).to be(publisher)
      expect(heard).to eq([1])
      expect(log).to include('Error publishing event test.event: disk full')
      expect(failures).to eq(before + 1)
    end

    it 'publishes from many threads at once' do
      publisher.subscribe('test.event') { |event| heard << event[:n] }
      Array.new(4) { |i| Thread.new { 50.times { |j| publish('test.event', n: (i * 50) + j) } } }.each(&:join)

      expect(heard.sort).to eq((0...200).to_a)
    end

    def failures
      publisher.stats.dig('test.event', :failures).to_i
    end
  end

  describe '#subscribe' do
    it 'returns the publisher' do
      expect(subscribe).to be(publisher)
    end

    it 'raises the error of dry-events for a name that nobody has registered' do
      expect { publisher.subscribe('nobody.knows') { nil } }
        .to raise_error(Dry::Events::InvalidSubscriberError, /event: `nobody\.knows` that has not been registered/)
    end

    it 'raises it for an object that has no method called after an event' do
      expect { publisher.subscribe(Object.new) }
        .to raise_error(Dry::Events::InvalidSubscriberError, /subscriber object that will never be executed/)
    end

    {
      'a value' => [{ currency: 'EUR' }, [1, 4]],
      'a list of values' => [{ currency: %w[EUR USD] }, [1, 2, 4]],
      'a Proc' => [{ currency: ->(currency) { currency.is_a?(String) && currency.start_with?('U') } }, [2]],
      'what is nested' => [{ customer: { country: 'AT' } }, [4]],
      'several keys' => [{ currency: 'EUR', customer: { country: 'DE' } }, [1]]
    }.each do |what, (filter, expected)|
      it "calls the listener for what the filter wants: #{what}" do
        subscribe(filter)
        publish('test.event', n: 1, currency: 'EUR', customer: { country: 'DE' })
        publish('test.event', n: 2, currency: 'USD')
        publish('test.event', n: 3)
        publish('test.event', n: 4, currency: 'EUR', customer: { country: 'AT' })

        expect(heard).to eq(expected)
      end
    end

    it 'takes an object, whose methods are called after events' do
      subscriber = subscriber_class.new
      expect(publisher.subscribe(subscriber)).to be(publisher)
      publish('test.event', n: 1)
      publish('slow.event', n: 2)
      publish('custom.event', n: 3)

      expect(subscriber.heard).to eq([['test.event', 1], ['slow.event', 2]])
    end

    it 'calls the methods of an object for what the filter wants' do
      subscriber = subscriber_class.new
      publisher.subscribe(subscriber, n: [2, 3])
      (1..3).each { |n| publish('test.event', n: n) }

      expect(subscriber.heard).to eq([['test.event', 2], ['test.event', 3]])
    end

    it 'takes patterns, also for events that are registered later' do
      publisher.subscribe('later.*') { |event| heard << event.id }
      publisher.subscribe(/\Alater\.than/) { |event| heard << event.id }
      %w[later.on later.than_that].each { |name| publisher.register_event(name).publish(name) }

      expect(heard).to eq(%w[later.on later.than_that later.than_that])
    end
  end

  describe '#unsubscribe' do
    it 'ends what an object listens to' do
      subscriber = subscriber_class.new
      publisher.subscribe(subscriber)
      publisher.unsubscribe(subscriber)
      publish('test.event', n: 1)

      expect(subscriber.heard).to be_empty
    end

    it 'ends what an object listens to with a filter' do
      subscriber = subscriber_class.new
      publisher.subscribe(subscriber, n: 1)
      expect(publisher.unsubscribe(subscriber)).to be(true)
      publish('test.event', n: 1)

      expect(subscriber.heard).to be_empty
    end

    it 'ends what a block listens to, with a filter, too' do
      subscribe
      subscribe(n: 1)
      expect(publisher.unsubscribe(listener)).to be(true)
      publish('test.event', n: 1)

      expect(heard).to be_empty
      expect(publisher.unsubscribe(listener)).to be(false)
    end
  end

  describe '#subscribed?' do
    it 'tells of blocks, with a filter or without' do
      expect(publisher.subscribed?(listener)).to be(false)
      subscribe(n: 1)
      expect(publisher.subscribed?(listener)).to be(true)
    end

    it 'tells of methods of an object' do
      subscriber = subscriber_class.new
      publisher.subscribe(subscriber)

      expect(publisher.subscribed?(subscriber.method(:on_test_event))).to be(true)
      expect(publisher.subscribed?(method(:subscribe))).to be(false)
    end
  end

  describe '#process' do
    it 'yields an event and each listener, and calls none' do
      subscribe
      publisher.process('test.event', n: 1) { |event, one| heard << [event.id, event[:n], one] if one == listener }

      expect(heard).to eq([['test.event', 1, listener]])
    end

    it 'yields those listeners alone whose filter wants the payload' do
      subscribe(n: 2)
      publisher.process('test.event', n: 1) { |event, one| one.call(event) }
      publisher.process('test.event', n: 2) { |event, one| one.call(event) }

      expect(heard).to eq([2])
    end
  end

  describe '#register_event' do
    it 'makes a name known, and returns the publisher' do
      expect(publisher.register_event('order.paid')).to be(publisher)
      expect(publisher.registered?('order.paid')).to be(true)
      publisher.subscribe('order.paid', &listener).publish('order.paid', n: 1)

      expect(heard).to eq([1])
    end

    it 'says that it does without a default payload' do
      publisher.register_event('order.refunded', n: 5)
      expect(log).to match(/WARN .*default payload of order\.refunded is left out/)
    end
  end

  it 'knows all events of the engine' do
    constants = Tasker::Constants
    groups = [constants::TaskEvents, constants::StepEvents, constants::WorkflowEvents,
              constants::ObservabilityEvents::Task, constants::ObservabilityEvents::Step, constants::TestEvents]
    names = groups.flat_map { |group| group.constants.map { |name| group.const_get(name) } }
    names += Tasker::Telemetry::Events::ExportEvents::ALL_EVENTS

    expect(publisher.event_names).to include(*names)
    expect(names.uniq.size).to be > 50
  end

  it 'counts what is published' do
    before = publisher.stats.dig('slow.event', :published).to_i
    3.times { publish('slow.event') }

    expect(publisher.stats.dig('slow.event', :published)).to eq(before + 3)
  end

  it 'tells who listens' do
    subscriber = subscriber_class.new
    publisher.subscribe(subscriber)
    subscribe

    expect(publisher.subscribers).to include(subscriber, listener)
  end

  it 'still has those listeners that came before it was taken over, with their filters' do
    EarlyListeners.heard.clear
    (1..2).each { |n| publish('test.event', n: n) }

    expect(EarlyListeners.heard).to contain_exactly([:class, 1], [:all, 1], [:class, 2], [:all, 2], [:second, 2])
  end

  it 'has what initializers register and subscribe with its class' do
    expect(publisher.class.subscribe('order.packed', n: 2, &listener)).to be(publisher.class)
    expect(publisher.class.register_event('order.packed')).to be(publisher.class)
    (1..2).each { |n| publish('order.packed', n: n) }

    expect(heard).to eq([2])
  end

  def subscriber_class
    Class.new do
      def heard = @heard ||= []
      def on_test_event(event) = heard << [event.id, event[:n]]
      def on_slow_event(event) = heard << [event.id, event[:n]]
    end
  end

  describe 'replaced in a test' do
    let(:step) { create_step }

    it 'shows calls of the concern, with their whole payload' do
      allow(publisher).to receive(:publish)
      host.publish_step_completed(step, operation_count: 3)

      expect(publisher).to have_received(:publish)
        .with('step.completed', include(step_id: step.id, step_name: 'fetch_cart', operation_count: 3))
    end

    it 'shows every kind of event, also where nobody listens' do
      names = []
      allow(publisher).to receive(:publish) { |name, payload| names << [name, payload.class] }
      host.publish_step_failed(step, error: IOError.new('no'))
      host.publish_task_completed(step.task)
      host.publish_no_viable_steps(7)
      host.publish_custom_event('order.paid', n: 1)
      host.publish_event('order.sent', n: 1)

      expect(names).to eq(%w[step.failed task.completed workflow.no_viable_steps order.paid order.sent]
                            .map { |name| [name, Hash] })
    end

    it 'shows the events of a state machine' do
      expect(publisher).to receive(:publish) # rubocop:disable RSpec/MessageSpies -- as tests have it
        .with('step.execution_requested', include(step_id: step.id, to_state: 'in_progress'))
      step.state_machine.transition_to!('in_progress')
    end

    it 'passes events on to listeners with and_call_original' do
      subscribe
      allow(publisher).to receive(:publish).and_call_original
      host.publish_event('test.event', n: 1)

      expect(heard).to eq([1])
    end

    it 'writes the lines of events that are passed on' do
      allow(publisher).to receive(:publish).and_call_original
      host.publish_step_completed(step)
      publish('step.completed', step_id: 1)

      expect(structured_lines).to contain_exactly(include(component: 'host', event: 'step.completed'))
    end

    it 'shows calls where the instance is another one' do
      other = instance_double(Tasker::Events::Publisher, publish: nil)
      allow(Tasker::Events::Publisher).to receive(:instance).and_return(other)
      host.publish_step_completed(step)
      RSpec::Mocks.space.proxy_for(Tasker::Events::Publisher).reset
      host.publish_step_completed(step)

      expect(other).to have_received(:publish).with('step.completed', include(step_id: step.id)).once
    end

    it 'shows calls of a stub of Minitest, which leaves nothing behind' do
      names = []
      publisher.stub(:publish, ->(name, _payload) { names << name }) { host.publish_step_completed(step) }
      host.publish_step_completed(step)

      expect(names).to eq(%w[step.completed])
      expect(Tasker::Native.publisher).to be(Tasker::Native::Engine.bus)
    end

    it 'is none of the concern once the double is gone' do
      allow(publisher).to receive(:publish)
      RSpec::Mocks.space.proxy_for(publisher).reset
      subscribe
      host.publish_event('test.event', n: 1)

      expect(heard).to eq([1])
    end

    it 'leaves nothing behind: where nobody listens, the step is not asked again' do
      configure(log_level: 'error')
      allow(publisher).to receive(:publish)
      RSpec::Mocks.space.proxy_for(publisher).reset
      allow(step).to receive(:workflow_step_id)
      host.publish_step_backoff(step, backoff_seconds: 1)

      expect(step).not_to have_received(:workflow_step_id)
    end
  end
end
