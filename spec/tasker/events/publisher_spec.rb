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

  describe '#subscribe to a pattern' do
    def ids_heard(pattern)
      ids = []
      publisher.subscribe(pattern) { |event| ids << event.id }
      yield
      ids
    end

    it "hears every event that it stands for: '*' is anything, dots as well" do
      names = %w[observability.task.handle observability.step.skip step.completed]

      expect(ids_heard('observability.*') { names.each { |name| publish(name) } }).to eq(names.first(2))
      expect(ids_heard('*') { names.each { |name| publish(name) } }).to eq(names)
      expect(ids_heard('*.step.*') { names.each { |name| publish(name) } }).to eq(names[1, 1])
      expect(ids_heard(/completed\z/) { names.each { |name| publish(name) } }).to eq(names.last(1))
    end

    it 'hears events that are registered later, each once' do
      heard = ids_heard('invoice.*') do
        %w[invoice.sent invoice.paid invoice.sent].each do |name|
          2.times { publisher.register_event(name) }
          publish(name)
        end
        host.publish_event('invoice.first_heard_of')
      end

      expect(heard).to eq(%w[invoice.sent invoice.paid invoice.sent invoice.first_heard_of])
    end

    it 'takes the rest of a name literally' do
      publisher.register_event('orderXshipped')

      expect(ids_heard('order.*') { %w[orderXshipped order.shipped].each { |event| publish(event) } })
        .to eq(['order.shipped'])
    end

    it 'is the event itself where one is called like that' do
      publisher.register_event('rating.***')

      expect(ids_heard('rating.***') { publish('rating.***') }).to eq(['rating.***'])
      expect(publisher.listeners('rating.***').size).to eq(1)
    end

    it 'ends with unsubscribe, for later events as well' do
      heard = ids_heard('refund.*') { nil }
      listener = publisher.subscribe('refund.*') { |event| heard << event }
      expect(publisher.subscribed?(listener)).to be(true)
      expect(publisher.unsubscribe(listener)).to be(true)
      publisher.register_event('refund.made')
      publish('refund.made')

      expect(heard).to eq(['refund.made'])
      expect(publisher.subscribed?(listener)).to be(false)
      expect(publisher.unsubscribe(listener)).to be(false)
    end

    it 'makes an event wanted' do
      publisher.subscribe('workflow.*') { nil }

      expect(publisher.wanted?('workflow.task_started')).to be(true)
      expect(publisher.wanted?('test.event')).to be(false)
    end

    it 'misses nothing that other threads register meanwhile, and hears nothing twice' do
      names = Array.new(200) { |number| "race.#{number}" }
      heard = Queue.new
      registering = Thread.new { names.each { |event| publisher.register_event(event) } }
      publisher.subscribe('race.*') { |event| heard << event.id }
      registering.join
      names.each { |event| publish(event) }

      expect(Array.new(heard.size) { heard.pop }).to match_array(names)
    end
  end

  describe '#subscribe with an object' do
    let(:object) do
      Class.new do
        def heard = (@heard ||= [])
        def on_step_completed(event) = heard << event
        def on_parcel_lost(event) = heard << event
        def other(_event) = nil

        private

        def on_step_failed(event) = heard << event
      end.new
    end

    it 'calls its public methods that are named after events, of later ones as well' do
      expect(publisher.subscribe(object)).to be(object)
      publisher.register_event('parcel.lost')
      %w[step.completed step.failed parcel.lost].each { |event| publish(event) }

      expect(object.heard.map(&:id)).to eq(%w[step.completed parcel.lost])
    end

    it 'ends with unsubscribe' do
      publisher.subscribe(object)
      expect(publisher.subscribed?(object)).to be(true)
      expect(publisher.unsubscribe(object)).to be(true)
      publish('step.completed')

      expect(object.heard).to be_empty
      expect(publisher.subscribed?(object)).to be(false)
    end

    it 'raises for one that has no such method' do
      expect { publisher.subscribe(Object.new) }.to raise_error(ArgumentError, /methods such as on_step_completed/)
    end
  end

  describe '#unsubscribe_all' do
    it 'ends every subscription, those of patterns too' do
      events = listen(name, '*')
      publisher.unsubscribe_all
      publisher.register_event('order.after_all')
      [name, 'order.after_all'].each { |event| publish(event) }

      expect(events).to be_empty
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

  describe '#subscribers' do
    it 'are those who listen, each once: blocks, and objects of which methods are called' do
      subscriber_class = Class.new(Tasker::Events::Subscribers::BaseSubscriber) do
        subscribe_to 'step.completed', 'step.failed'
        def handle_step_completed(_event); end
        alias_method :handle_step_failed, :handle_step_completed
      end
      object = Class.new { def on_task_failed(_event); end }.new
      listeners = [publisher.subscribe('step.*') { nil }, publisher.subscribe(object),
                   subscriber_class.subscribe(publisher)]

      expect(publisher.subscribers).to match_array(listeners)
      publisher.unsubscribe_all
      expect(publisher.subscribers).to eq([])
    end
  end

  describe '#prepare' do
    let(:seen) { [] }

    # As in Rails' config.to_prepare.
    def prepare(version)
      publisher.prepare do
        publisher.subscribe('test.event') { seen << version }
        publisher.subscribe('test.*') { seen << version }
        publisher.subscribe(Class.new { define_method(:on_test_event) { |event| event[:seen] << version } }.new)
      end
    end

    it 'puts what is subscribed in its block in the place of what was so before, and leaves all else' do
      publisher.subscribe('test.event') { seen << :outside }
      prepare(1)
      Thread.new { publisher.subscribe('test.event') { seen << :outside } }.join
      2.times { prepare(2) }
      publish('test.event', seen: seen)

      expect(seen).to contain_exactly(:outside, :outside, 2, 2, 2)
    end

    it 'leaves what other threads subscribe meanwhile' do
      publisher.prepare { Thread.new { publisher.subscribe('test.event') { seen << :other } }.join }
      publisher.prepare { nil }
      publish('test.event')

      expect(seen).to eq([:other])
    end

    it 'forgets what was subscribed in a block that raises, at the next one' do
      expect { publisher.prepare { prepare_and_fail } }.to raise_error(NameError)
      prepare(2)
      publish('test.event', seen: seen)

      expect(seen).to eq([2, 2, 2])
    end

    def prepare_and_fail
      publisher.subscribe('test.event') { seen << 1 }
      raise NameError, 'a file that was edited'
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
      [nil, false, true, 5, Object.new].each { |value| expect { publish(value) }.to raise_error(TypeError) }
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

    it 'gives listeners a plain Hash, whatever class the payload has' do
      events = listen(name)
      publish(name, Class.new(Hash) { def fetch(*) = raise }.new.update(a: 1))
      publish(name, Hash.new { |_, key| raise "no #{key}" }.update(a: 1))

      expect(events.map { |event| [event.payload.class, event[:a], event.payload[:missing]] })
        .to eq([[Hash, 1, nil]] * 2)
    end

    it 'takes the time from Time.now where tests have replaced it' do
      events = listen(name)
      past = Time.at(5)
      allow(Time).to receive(:now).and_return(past)
      publish(name)

      expect(events.first[:timestamp]).to be(past)
    end

    it 'takes the time from the clock, in local time, where there are no tests' do
      script = <<~RUBY
        require 'tasker-native'
        publisher = Tasker::Events::Publisher.instance
        publisher.subscribe('test.event') { |event| p event[:timestamp].utc_offset, event[:timestamp] - Time.now }
        publisher.publish('test.event')
      RUBY
      offset, difference = ruby(script, env: { 'TZ' => 'Asia/Kolkata' }).lines.map(&:to_f)

      expect(offset).to eq(19_800)
      expect(difference).to be_between(-5, 0)
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
        .to include(published: before[:published] + 2, failures: before[:failures] + 2)
    end

    it 'counts failures of each listener, by what it is called in the code' do
      publisher.register_event('fragile.event')
      stub_const('Fragile', Class.new do
        def self.take(_event) = raise
        def take(_event) = raise
        alias_method :call, :take
        alias_method :on_fragile_event, :take
      end)
      listeners = [Fragile.method(:take), Fragile.new.method(:take), Fragile.new, Class.new(Fragile).new]
      listeners.each { |listener| publisher.subscribe('fragile.event', listener) }
      publisher.subscribe(Fragile.new)
      publisher.subscribe('fragile.event') { nil }
      2.times { publish('fragile.event') }

      names = ['Fragile.take', 'Fragile#take', 'Fragile', 'an anonymous Fragile', 'Fragile#on_fragile_event']
      expect(publisher.stats['fragile.event'])
        .to eq(published: 2, failures: 10, failures_by_listener: names.to_h { |name| [name, 2] })
    end

    it 'calls a block by its place' do
      publisher.register_event('fragile.block')
      publisher.subscribe('fragile.block') { raise 'no' }
      publish('fragile.block')

      expect(publisher.stats['fragile.block'][:failures_by_listener].keys)
        .to contain_exactly("Proc at #{__FILE__}:#{__LINE__ - 4}")
    end
  end

  it 'tells in inspect how much it has, and no more' do
    listen(name)
    expect(publisher.inspect).to match(/\A#<Tasker::Events::Publisher \d+ events, 1 subscriptions>\z/)
  end
end
