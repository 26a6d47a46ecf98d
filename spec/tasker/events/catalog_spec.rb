# frozen_string_literal: true

require 'stringio'

RSpec.describe Tasker::Events do
  after { Tasker::Events::CustomRegistry.instance.clear! }

  let(:catalog) { described_class.catalog }

  def errors(entry, payload)
    Tasker::Native::PayloadSchema.new(entry[:payload_schema]).errors(payload)
  end

  it 'describes the 55 system events, in the order of the table' do
    expect(catalog.keys).to eq(Tasker::Native::SYSTEM_EVENTS.map(&:last))
    expect(catalog.map { |name, entry| entry[:name] == name }).to all(be(true))
    expect(catalog.values.map(&:keys).uniq)
      .to eq([%i[name category description payload_schema example_payload fired_by]])
    expect(catalog.values.map { |entry| entry[:description] }).to all(match(/\A[A-Z].+\.\z/))
    expect(catalog.values.map { |entry| entry[:category] }.tally)
      .to eq('task' => 8, 'step' => 10, 'workflow' => 19, 'observability' => 8, 'telemetry' => 6, 'test' => 4)
  end

  described_class.catalog.each do |name, entry|
    it "has an example of #{name} that fits its schema when it is published" do
      events = listen(name)
      publish(name, entry[:example_payload])

      expect(errors(entry, events.first.payload)).to eq([])
      expect(entry[:example_payload].keys).to eq(entry[:payload_schema].keys)
      expect(entry[:example_payload].values.grep(/example|foo/i)).to eq([])
    end
  end

  it 'gives the required keys of no event without a value' do
    empty = catalog.values.select do |entry|
      entry[:payload_schema].any? { |key, field| field[:required] && entry[:example_payload][key].nil? }
    end

    expect(empty).to eq([])
  end

  it 'has examples that do not contradict themselves' do
    examples = described_class.task_events.values.map { |entry| entry[:example_payload] }
    tasks = examples.select { |one| one[:total_steps] }

    expect(tasks).not_to be_empty
    expect(tasks).to all(satisfy { |one| one.values_at(:completed_steps, :failed_steps, :pending_steps).sum == 4 })
    expect(tasks).to all(satisfy { |one| one[:total_execution_duration].nil? ^ one[:current_execution_duration].nil? })
  end

  it 'can not be changed by those who read it' do
    expect { catalog['step.failed'][:example_payload][:task_id] = 5 }.to raise_error(FrozenError)
    expect { catalog['step.failed'][:fired_by] << 'me' }.to raise_error(FrozenError)
  end

  it 'is made once' do
    expect(described_class.catalog).to be(Tasker::Events::Catalog.catalog)
  end

  it 'has an entry for each name' do
    expect(described_class.event_info('step.completed')).to eq(catalog['step.completed'])
    expect(described_class.event_info(:'step.completed')).to eq(catalog['step.completed'])
    expect(described_class.event_info('step.compleeted')).to be_nil
    expect(described_class.event_info(nil)).to be_nil
  end

  it 'sorts events by category' do
    sizes = %i[task_events step_events workflow_events observability_events].to_h do |group|
      [group, described_class.public_send(group).size]
    end

    expect(sizes).to eq(task_events: 8, step_events: 10, workflow_events: 19, observability_events: 8)
    expect(described_class.observability_events.keys).to all(start_with('observability.'))
  end

  describe 'with custom events' do
    before do
      described_class.register_custom_event('invoice.sent', description: 'Went out by mail', fired_by: ['Billing'],
                                                            payload_schema: { id: { type: 'Integer', required: true } },
                                                            example_payload: { id: 5 })
    end

    let(:entry) do
      { name: 'invoice.sent', category: 'custom', description: 'Went out by mail', fired_by: ['Billing'],
        payload_schema: { id: { type: 'Integer', required: true } }, example_payload: { id: 5 } }
    end

    it 'tells of them where all events are told' do
      expect(described_class.event_info('invoice.sent')).to eq(entry)
      expect(described_class.custom_events).to include('invoice.sent' => entry)
      expect(described_class.complete_catalog).to include('invoice.sent' => entry, 'step.failed' => be_a(Hash))
      expect(described_class.catalog).not_to include('invoice.sent')
    end

    it 'tells of those, too, that were published without being registered' do
      host.publish_event('invoice.lost', id: 5)

      expect(described_class.event_info('invoice.lost')).to include(category: 'custom', description: 'Custom event')
      expect(described_class.custom_events.keys).to include('invoice.lost').and not_include('custom.event')
    end

    it 'finds events by a part of the name or the description' do
      expect(described_class.search_events('BACKOFF').keys).to eq(['observability.step.backoff'])
      expect(described_class.search_events('by mail').keys).to eq(['invoice.sent'])
      expect(described_class.search_events('no such thing')).to eq({})
    end

    it 'finds events by namespace' do
      expect(described_class.events_by_namespace('invoice')).to include('invoice.sent')
      expect(described_class.events_by_namespace(:step)).to eq(described_class.step_events)
      expect(described_class.events_by_namespace('invo')).to eq({})
    end

    it 'passes the rules of registration on' do
      expect { described_class.register_custom_event('step.mine') }.to raise_error(ArgumentError, /reserved/)
    end

    it 'prints itself to an IO or a logger' do
      out = StringIO.new
      described_class.print_catalog(output: out)
      described_class.print_catalog(output: Tasker::Native.logger)

      expect(out.string).to include('Task events', "\n  step.failed: An attempt of a step failed.\n", 'Custom events',
                                    "\n    payload: task_id, step_id, step_name", "\n    fired by: Billing\n")
      expect(log).to include('INFO   invoice.sent: Went out by mail')
    end
  end

  it 'prints to standard output by default' do
    expect { described_class.print_catalog }.to output(/task\.completed/).to_stdout
  end
end
