# frozen_string_literal: true

RSpec.describe Tasker::Events::CustomRegistry do
  subject(:registry) { described_class.instance }

  after { registry.clear! }

  it 'keeps what is said about an event, and makes its name known to the bus' do
    expect(registry.register_event('order.fulfilled', description: 'All out', fired_by: ['ShipOrder'])).to be_nil

    expect(publisher.registered?('order.fulfilled')).to be(true)
    expect(registry.registered_events).to eq(['order.fulfilled'])
    expect(registry.event_metadata('order.fulfilled')).to include(
      name: 'order.fulfilled', category: 'custom', description: 'All out', fired_by: ['ShipOrder'],
      payload_schema: {}, example_payload: {}, registered_at: be_a(Time)
    )
    expect(registry.custom_events).to eq('order.fulfilled' => registry.event_info('order.fulfilled'))
  end

  it 'has defaults, and makes an Array of one who fires' do
    registry.register_event('order.paid')
    registry.register_event('order.late', fired_by: 'Clock')

    expect(registry.event_info('order.paid')).to include(description: 'Custom event', fired_by: [])
    expect(registry.event_info('order.late')).to include(fired_by: ['Clock'])
  end

  it 'takes the same name again, as a reload does, and keeps what was said last' do
    registry.register_event('order.paid', description: 'first')
    registry.register_event('order.paid', description: 'second')

    expect(registry.custom_events.size).to eq(1)
    expect(registry.event_info('order.paid')).to include(description: 'second')
  end

  it 'finds events by Strings and Symbols' do
    registry.register_event('order.paid')

    expect(registry.registered?('order.paid')).to be(true)
    expect(registry.registered?(:'order.paid')).to be(true)
    expect(registry.event_info(:'order.paid')).to be(registry.event_metadata('order.paid'))
  end

  it 'knows nothing of other events' do
    expect(registry.registered?('order.unknown')).to be(false)
    expect(registry.event_info('order.unknown')).to be_nil
    expect(registry.event_info('step.completed')).to be_nil
  end

  it 'forgets everything, and hands copies out' do
    registry.register_event('order.paid')
    registry.custom_events.clear
    expect(registry.registered_events).to eq(['order.paid'])

    registry.clear!
    expect(registry.custom_events).to eq({})
  end

  {
    nil => /must be a String, not NilClass/, :'order.paid' => /must be a String, not Symbol/,
    'fulfilled' => /needs a namespace/, '' => /needs a namespace/, 'order.' => /needs a namespace/,
    '.paid' => /needs a namespace/, 'step.completed' => /is a system event's/, 'Test.Event' => /is a system event's/,
    'tasker.telemetry.cache_synced' => /is a system event's/, 'task.mine' => /"task" .* is reserved/,
    'STEP.mine' => /"STEP" .* is reserved/, 'workflow.mine' => /reserved/, 'observability.x.y' => /reserved/,
    'test.mine' => /reserved/, "order.#{'x' * 255}" => /1 to 255 bytes/
  }.each do |name, message|
    it "refuses #{name.inspect[0, 30]}" do
      expect { registry.register_event(name) }.to raise_error(ArgumentError, message)
      expect(registry.custom_events).to eq({})
    end
  end

  it 'refuses a schema with a type that there is not' do
    expect { registry.register_event('order.paid', payload_schema: { amount: { type: 'Money' } }) }
      .to raise_error(ArgumentError, /amount .*Money/)
    expect(registry.registered?('order.paid')).to be(false)
  end

  it 'is safe for threads that register at the same time' do
    threads = Array.new(8) { |i| Thread.new { 50.times { |k| registry.register_event("thread#{i}.event#{k}") } } }
    threads.each(&:join)

    expect(registry.custom_events.size).to eq(400)
  end
end
