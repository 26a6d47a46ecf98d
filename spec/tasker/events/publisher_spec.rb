# frozen_string_literal: true

RSpec.describe Tasker::Events::Publisher do
  let(:name) { 'order.shipped' }

  before { publisher.register_event(name) }

  describe '#subscribe' do
    it 'takes a block, which gets every later event of that name' do
      events = []
      publish(name, number: 1)
      publisher.subscribe(name) { |event| events << event[:number] }
      publish(name, number: 2)
      publish('test.event', number: 3)
      publish(name, number: 4)

      expect(events).to eq([2, 4])
    end

    it 'takes anything that can be called' do
      seen = []
      listener = Object.new
      listener.define_singleton_method(:call) { |event| seen << event.id }
      publisher.subscribe(name, listener)
      publisher.subscribe(name, seen.method(:<<).to_proc >> ->(_) { seen << :lambda })
      publish(name)

      expect(seen).to contain_exactly(name, be_a(Tasker::Events::Event), :lambda)
    end

    it 'returns the listener, calls it in the order of subscription and as often as it was subscribed' do
      order = []
      first = publisher.subscribe(name) { order << 1 }
      publisher.subscribe(name) { order << 2 }
      expect(publisher.subscribe(name, first)).to be(first)
      publish(name)

      expect(order).to eq([1, 2, 1])
    end

    it 'takes a Symbol for a name' do
      events = listen(:'test.event')
      publisher.publish(:'test.event', a: 1)

      expect(events.map(&:id)).to eq(['test.event'])
    end

    it 'raises for a name that nobody has registered' do
      expect { publisher.subscribe('nobody.knows') { nil } }
        .to raise_error(Tasker::Events::UnregisteredEventError, /unregistered event: nobody\.knows/)
    end

    it 'raises without anything to call' do
      expect { publisher.subscribe(name) }.to raise_error(ArgumentError, /order\.shipped.*needs a block/)
      expect { publisher.subscribe(name, :nothing) }.to raise_error(ArgumentError, /needs a block/)
    end
  end

  describe '#unsubscribe' do
    it 'ends all subscriptions of a listener, and only those' do
      events = []
      listener = publisher.subscribe(name) { events << :mine }
      publisher.subscribe('test.event', listener)
      publisher.subscribe(name) { events << :other }

      expect(publisher.unsubscribe(listener)).to be(true)
      publish(name)
      publish('test.event')
      expect(events).to eq([:other])
    end

    it 'tells whether there was a subscription' do
      expect(publisher.unsubscribe(-> {})).to be(false)
      listener = publisher.subscribe(name) { nil }

      expect { publisher.unsubscribe(listener) }.to change { publisher.subscribed?(listener) }.from(true).to(false)
      expect(publisher.unsubscribe(listener)).to be(false)
    end

    it 'finds a method again, although it is another object each time' do
      host = Class.new { def take(_event) = nil }.new
      publisher.subscribe(name, host.method(:take))

      expect(publisher.subscribed?(host.method(:take))).to be(true)
      expect(publisher.unsubscribe(host.method(:take))).to be(true)
      expect(publisher.listeners(name)).to be_empty
    end
  end

  describe '#register_event' do
    it 'makes a name known, once and for all' do
      expect(publisher.registered?('order.unheard_of')).to be(false)
      2.times { expect(publisher.register_event('order.unheard_of')).to be(publisher) }

      expect(publisher.registered?(:'order.unheard_of')).to be(true)
      expect(publisher.event_names.count('order.unheard_of')).to eq(1)
    end

    it 'takes any text of 1 to 255 bytes' do
      ['a', "\u{1F4E6}.shipped", 'x' * 255].each do |text|
        publisher.register_event(text)
        events = listen(text)
        publish(text)
        expect(events.map(&:id)).to eq([text])
      end
    end

    it 'refuses what is none' do
      ['', 'x' * 256, "\xFF"].each do |text|
        expect { publisher.register_event(text) }.to raise_error(ArgumentError, /1 to 255 bytes/)
      end
      [nil, 5].each { |text| expect { publisher.register_event(text) }.to raise_error(TypeError) }
    end

    it 'stops at 10,000 names, and goes on with those it has' do
      full = Class.new(Tasker::Native::Publisher).new
      (10_000 - full.event_names.size).times { |number| full.register_event("custom.#{number}") }

      expect { full.register_event('one.too_many') }
        .to raise_error(Tasker::Events::UnregisteredEventError, /10000 names of events already.*into the payload/)
      expect { full.publish('custom.0') }.not_to raise_error
    end
  end

  describe '#publish' do
    it 'returns nil, with listeners and without' do
      expect(publish('test.event')).to be_nil
      listen('test.event')
      expect(publish('test.event', { a: 1 })).to be_nil
    end

    it 'needs no payload' do
      events = listen(name)
      publisher.publish(name)

      expect(events.first.payload.keys).to eq([:timestamp])
    end

    it 'raises for a name that nobody has registered, and counts nothing' do
      expect { publish('nobody.knows', {}) }
        .to raise_error(Tasker::Native::UnregisteredEventError, /nobody\.knows.*register_event\("nobody\.knows"\)/)
      expect(publisher.stats).not_to have_key('nobody.knows')
    end

    it 'raises for a name that is no text' do
      [nil, 5, Object.new].each { |value| expect { publish(value) }.to raise_error(TypeError) }
    end

    [nil, [], 'text', 5, Object.new].each do |payload|
      it "raises for a payload that is no Hash but #{payload.class}" do
        expect { publish(name, payload) }.to raise_error(TypeError, /Hash/)
      end
    end

    it 'gives listeners an event with id, payload, [] and to_h' do
      events = listen(name)
      publish(name, order_id: 5, 'text' => 'x')

      expect(events.first).to have_attributes(id: name, payload: include(order_id: 5, 'text' => 'x'))
      expect(events.first[:order_id]).to eq(5)
      expect(events.first.to_h).to be(events.first.payload)
      expect { events.first[:nothing] }.to raise_error(KeyError)
      expect({ **events.first }).to include(order_id: 5)
    end

    it 'adds the time, unless the payload has its own' do
      events = listen(name)
      before = Time.now
      publish(name, a: 1)
      publish(name, timestamp: 'mine')

      expect(events.first[:timestamp]).to be_a(Time).and be_between(before, Time.now)
      expect(events.last[:timestamp]).to eq('mine')
    end

    it 'leaves the payload of the caller as it is' do
      payload = { password: 'x', nested: { 'token' => ['y'].freeze }.freeze }.freeze
      events = listen(name)
      publish(name, payload)

      expect(payload).to eq(password: 'x', nested: { 'token' => ['y'] })
      expect(events.first.payload).not_to be(payload)
    end

    it 'gives all listeners of a publication one payload, unfiltered' do
      events = listen(name, name)
      publish(name, password: 'secret')

      expect(events.map(&:payload)).to all(include(password: 'secret'))
      expect(events[0].payload).to be(events[1].payload)
    end

    it 'may be entered again by a listener' do
      seen = []
      publisher.subscribe('slow.event') { |event| seen << [:inner, event[:depth]] }
      publisher.subscribe(name) do |event|
        publish(name, depth: event[:depth] + 1) if event[:depth] < 20
        publish('slow.event', depth: event[:depth])
        seen << [:outer, event[:depth]]
      end
      publish(name, depth: 0)

      expect(seen).to eq(20.downto(0).flat_map { |depth| [[:inner, depth], [:outer, depth]] })
    end

    it 'isolates a listener that publishes to itself without end' do
      publisher.subscribe(name) { publish(name) }
      events = listen('test.event')
      publish(name)
      publish('test.event')

      expect(events.size).to eq(1)
      eventually('a log line') { log.include?("Error publishing event #{name}: stack level too deep") }
    end

    it 'calls those who were subscribed when it began' do
      seen = []
      late = ->(_) { seen << :late }
      first = publisher.subscribe(name) do
        publisher.subscribe(name, late)
        publisher.unsubscribe(first)
        seen << :first
      end
      publisher.subscribe(name) { seen << :second }

      publish(name)
      expect(seen).to eq(%i[first second])
      publish(name)
      expect(seen).to eq(%i[first second second late])
    end

    it 'still calls a listener that another one has just unsubscribed' do
      seen = []
      second = ->(_) { seen << :second }
      publisher.subscribe(name) { publisher.unsubscribe(second) }
      publisher.subscribe(name, second)
      2.times { publish(name) }

      expect(seen).to eq([:second])
    end

    it 'goes on while other threads subscribe, unsubscribe and register' do
      seen = Queue.new
      publisher.subscribe(name) { |event| seen << event[:number] }
      churn = Thread.new do
        200.times do |number|
          listener = publisher.subscribe(name) { nil }
          publisher.register_event("churn.#{number}")
          publisher.unsubscribe(listener)
        end
      end
      threads = Array.new(4) { |thread| Thread.new { 250.times { |i| publish(name, number: (thread * 250) + i) } } }
      [churn, *threads].each(&:join)

      expect(Array.new(seen.size) { seen.pop }).to match_array(0...1000)
      expect(publisher.listeners(name).size).to eq(1)
    end
  end

  describe '#wanted?' do
    it 'is true while somebody listens' do
      listener = publisher.subscribe('workflow.task_started') { nil }
      expect(publisher.wanted?('workflow.task_started')).to be(true)
      publisher.unsubscribe(listener)
      expect(publisher.wanted?('workflow.task_started')).to be(false)
    end

    it 'is true for what becomes spans, unless telemetry is off' do
      wanted = -> { %w[task.completed step.failed order.shipped].map { |event| publisher.wanted?(event) } }

      expect { configure(enabled: false) }.to change(&wanted).from([true] * 3).to([false] * 3)
    end
  end

  describe '#stats' do
    it 'counts publications and failures of each event, whether anybody listens or not' do
      before = publisher.stats.fetch('test.event', { published: 0, failures: 0 })
      publish('test.event')
      publisher.subscribe('test.event') { raise 'no' }
      publisher.subscribe('test.event') { raise 'neither' }
      publish('test.event')

      expect(publisher.stats['test.event'])
        .to eq(published: before[:published] + 2, failures: before[:failures] + 2)
    end
  end

  it 'tells in inspect how much it has, and no more' do
    listen(name)
    expect(publisher.inspect).to match(/\A#<Tasker::Events::Publisher \d+ events, 1 subscriptions>\z/)
  end
end
