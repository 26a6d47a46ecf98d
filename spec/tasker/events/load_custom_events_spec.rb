# frozen_string_literal: true

require 'fileutils'
require 'tmpdir'

RSpec.describe Tasker::Events, '.load_custom_events' do
  around { |example| Dir.mktmpdir { |directory| Dir.chdir(directory) { example.run } } }

  after { Tasker::Events::CustomRegistry.instance.clear! }

  def write(name, text)
    FileUtils.mkdir_p('config/tasker/events')
    File.write("config/tasker/events/#{name}", text)
  end

  def load
    described_class.load_custom_events
  end

  # What is logged of a file with this text; events that are right stay.
  def problems(text)
    write('orders.yml', "#{text}\n")
    write('zoo.yml', "events: { zoo.opened: { description: The zoo is open } }\n")
    expect(load).to include('zoo.opened')
    log_lines.map { |line| line.delete_prefix('ERROR tasker-native: config/tasker/events/orders.yml') }
  end

  it 'registers what files declare' do
    write('orders.yml', <<~YAML)
      events:
        order.shipped:
          description: All parcels are on their way
          fired_by: [ShipOrder]
          payload_schema:
            order_id: { type: Integer, required: true }
            carrier: String
            weights: { type: Array<Float> }
          example_payload:
            order_id: 5
            carrier: "007"
            weights: [1.5, 2]
    YAML

    expect(load).to eq(['order.shipped'])
    expect(log).to be_empty
    expect(described_class.event_info('order.shipped')).to eq(
      name: 'order.shipped', category: 'custom', description: 'All parcels are on their way', fired_by: ['ShipOrder'],
      payload_schema: { order_id: { type: 'Integer', required: true }, carrier: { type: 'String', required: false },
                        weights: { type: 'Array<Float>', required: false } },
      example_payload: { order_id: 5, carrier: '007', weights: [1.5, 2] }
    )
    expect(publisher.registered?('order.shipped')).to be(true)
  end

  it 'reads groups, and files as upstream writes them' do
    write('a.yml', <<~YAML)
      events:
        custom:
          order_processed:
            constant: "order.processed"
            description: "Fired when an order is fully processed"
            payload_schema:
              order_id: { type: "String", required: true }
              timestamp: { type: "Time", required: true }
            fired_by: ["OrderService"]
          plain:
        order:
          paid: { description: The money is there }
    YAML
    write('b.yaml', "event_metadata:\n  invoice:\n    sent:\n      description: Out by mail\n")

    expect(load).to eq(%w[order.processed custom.plain order.paid invoice.sent])
    expect(log).to be_empty
  end

  it 'takes no directory, no files, empty files and other files for nothing to do' do
    expect(load).to eq([])
    write('empty.yml', '')
    write('comment.yml', "# nothing yet\n")
    write('events.yml', "events:\n")
    write('group.yml', "events:\n  order:\n")
    write('notes.txt', '{{{')

    expect(load).to eq([])
    expect(log).to be_empty
  end

  {
    "events:\n  order.paid: [\n" => /\A:4: did not find expected node content/,
    "events:\n\torder.paid:\n" => /\A:2: .*cannot start any token/,
    "events:\n  order.paid:\n    descripton: x" => /\A:3: order.paid has descripton, .* there are: constant/,
    "evnts:\n  order.paid:" => ':1: evnts is unknown; events belong below events:',
    '- order.paid' => ':1: the file is not a mapping (name: value)',
    "events:\n- order.paid" => ':2: events is not a mapping (name: value)',
    "events:\n  order: paid" => ':2: order is not a mapping (name: value)',
    "events:\n  order.paid: 5" => ':2: order.paid is not a mapping (name: value)',
    "events:\n  ? [a, b]\n  : c" => ':2: events has a key that is not a text',
    "events:\n  order.paid:\n    description: 5" => ':3: description is not a text',
    "events:\n  order.paid:\n    description: ''" => ':3: description is not a text',
    "events:\n  order.paid:\n    fired_by: [a,\n      5]" => ':3: fired_by is not a list of texts',
    "events:\n  a:\n    b:\n      constant: 5" => ':4: constant is not a text',
    "events:\n  order.paid:\n    payload_schema:\n      id: Integer\n      amount: Money" =>
      ':5: amount has no type, or one that there is not: "Money"',
    "events:\n  order.paid:\n    payload_schema:\n      amount: { type: Float, required: maybe }" =>
      ':4: required of amount is neither true nor false',
    "events:\n  order.paid:\n    payload_schema: 5" => ':3: payload_schema is not a mapping (name: value)',
    "events:\n  order.paid:\n    payload_schema: { amount: Float }\n    example_payload:\n      amount: much" =>
      ':5: example_payload does not fit: amount is a String, not Float',
    "events:\n  order.paid:\n    description: !ruby/object:Object {}" => ':3: aliases and tags are not read',
    "events:\n  order.paid:\n    description: &a x\n    fired_by: [*a]" => ':4: aliases and tags are not read',
    "events:\n  step.mine:" => ':2: Namespace "step" of "step.mine" is reserved for system events',
    "events:\n  step.failed:" => ":2: Event name \"step.failed\" is a system event's",
    "events:\n  a:\n    b:\n      constant: order" => /\A:4: Event name "order" needs a namespace/,
    "events:\n  order.paid:\n  order:\n    paid:" =>
      ':4: order.paid is declared in config/tasker/events/orders.yml:2 already'
  }.each do |text, problem|
    it "tells what is wrong with #{text.inspect}, and where, and loses nothing else" do
      expect(problems(text)).to contain_exactly(problem)
    end
  end

  it 'tells all problems of a file, and takes the events that are right' do
    write('orders.yml', <<~YAML)
      events:
        order.paid: { description: 5 }
        order.shipped: { description: fine }
        order.lost: { fired_by: [1] }
    YAML

    expect(load).to eq(['order.shipped'])
    expect(log_lines).to match([/orders\.yml:2: description is not a text/, /orders\.yml:4: fired_by is not a list/])
  end

  it 'survives files that can not be read' do
    FileUtils.mkdir_p('config/tasker/events/folder.yml')
    write('binary.yml', "\xFF\x00\xFE".b)
    write('deep.yml', "events: #{'[' * 2000}")
    write('zoo.yml', "events: { zoo.opened: { description: The zoo is open } }\n")

    expect(load).to eq(['zoo.opened'])
    expect(log_lines(/ERROR tasker-native: config.*(folder|binary|deep)\.yml/).size).to eq(3)
  end
end
