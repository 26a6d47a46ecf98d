# frozen_string_literal: true

require 'json'

RSpec.describe 'A span' do
  describe 'its attributes' do
    it 'are the payload under names that begin with the name of the service' do
      configure(service_name: 'orders')
      span = span_of(step_name: 'fetch_cart', attempt_number: 2, ok: true)

      expect(span.attributes).to include('orders.task_id' => 'T', 'orders.step_name' => 'fetch_cart',
                                         'orders.attempt_number' => 2, 'orders.ok' => true)
      expect(span.attributes.keys).to all(start_with('orders.'))
    end

    it 'have one prefix, also where the payload has it already' do
      expect(span_of('tasker.region' => 'EU', 'tasker' => 1, 'taskers' => 2).attributes)
        .to include('tasker.region' => 'EU', 'tasker.tasker' => 1, 'tasker.taskers' => 2)
    end

    it 'are those of all its events, the last value of each' do
      ids = { task_id: 1, step_id: 2 }
      publish('step.execution_requested', { **ids, step_inputs: { a: 1 }, stage: 'requested' })
      publish('step.before_handle', { **ids, stage: 'handled', worker: 5 })
      publish('step.completed', { **ids, stage: 'completed' })

      expect(only_span.attributes).to include('tasker.step_inputs' => '{"a":1}', 'tasker.worker' => 5,
                                              'tasker.stage' => 'completed')
    end

    it 'have ids as Strings, numbers and booleans as they are, nested values as JSON, and no nil' do
      span = span_of(step_id: 21, order_id: 5, count: 5, price: 1.5, paid: false, list: [1, { a: nil }], gone: nil)

      expect(span.attributes).to include('tasker.step_id' => '21', 'tasker.order_id' => '5', 'tasker.count' => 5,
                                         'tasker.price' => 1.5, 'tasker.paid' => false,
                                         'tasker.list' => '[1,{"a":null}]')
      expect(span.attributes).not_to have_key('tasker.gone')
    end

    it 'are copied onto the event of the end, but not those of before' do
      publish('step.before_handle', task_id: 1, step_id: 2, worker: 5)
      publish('step.completed', task_id: 1, step_id: 2, results: 3)

      expect(only_span.events.last.attributes).to include('tasker.results' => 3, 'tasker.step_id' => '2')
      expect(only_span.events.last.attributes).not_to have_key('tasker.worker')
    end

    it 'say when the end was published' do
      expect(Time.iso8601(span_of(a: 1).attributes['tasker.timestamp'])).to be_within(10).of(Time.now)
      expect(span_of(timestamp: 'mine').attributes).to include('tasker.timestamp' => 'mine')
    end

    it 'are all Strings where stringify_attributes is set, as upstream has them' do
      configure(stringify_attributes: true)
      span = span_of(count: 5, price: 1.5, paid: false, gone: nil, list: [1, nil], at: Time.utc(2026), name: :x)

      expect(span.attributes).to include('tasker.count' => '5', 'tasker.price' => '1.5', 'tasker.paid' => 'false',
                                         'tasker.gone' => '', 'tasker.list' => '[1,null]', 'tasker.name' => 'x',
                                         'tasker.at' => '2026-01-01T00:00:00.000Z')
      expect(span.events.last.attributes).to include('tasker.count' => '5')
    end
  end

  describe 'of a failed step' do
    def deep(levels)
      levels.zero? ? raise(ArgumentError, 'no money') : deep(levels - 1)
    end

    def fail_deep(levels)
      expect { handle { deep(levels) } }.to raise_error(ArgumentError)
      only_span
    end

    it 'has status ERROR with the message of the error, and attributes for message and class' do
      expect(fail_deep(1)).to have_attributes(
        status: 'ERROR', status_message: 'no money',
        attributes: include('tasker.error' => 'no money', 'error.type' => 'ArgumentError',
                            'tasker.error_message' => 'no money', 'tasker.error_class' => 'ArgumentError',
                            'tasker.exception_class' => 'ArgumentError')
      )
    end

    it 'has an exception event with the whole backtrace, where the payload has ten lines' do
      span = fail_deep(100)
      exception = span.events.find { |event| event.name == 'exception' }

      expect(span.events.map(&:name)).to eq(%w[step.failed exception])
      expect(exception.attributes).to include('exception.type' => 'ArgumentError', 'exception.message' => 'no money')
      expect(exception.attributes['exception.stacktrace'].lines.size).to be > 100
      expect(exception.attributes['exception.stacktrace'].lines.first).to include(__FILE__)
      expect(JSON.parse(span.attributes['tasker.backtrace']).size).to eq(10)
    end

    it 'has a bounded backtrace' do
      exception = fail_deep(5_000).events.last.attributes

      expect(exception['exception.stacktrace'].bytesize).to be_between(1_000, 33_000)
    end

    it 'has what a payload says of the error, however it calls it' do
      span = span_of(a: 1)
      publish('step.failed', task_id: 1, step_id: 1, error: 'down', exception_class: 'Net::ReadTimeout')
      failed = step_spans.last

      expect(span.attributes).not_to have_key('error.type')
      expect(failed).to have_attributes(status_message: 'down', attributes: include('error.type' => 'Net::ReadTimeout'))
      expect(failed.events.last.attributes).to eq('exception.type' => 'Net::ReadTimeout', 'exception.message' => 'down')
    end

    it 'takes the backtrace from exception_object, which itself is left out' do
      error = ArgumentError.new('no').tap { |it_| it_.set_backtrace(%w[a.rb:1 b.rb:2]) }
      publish('step.failed', task_id: 1, step_id: 1, error_message: 'no', exception_object: error)

      expect(only_span.events.last.attributes).to include('exception.stacktrace' => "a.rb:1\nb.rb:2\n")
      expect(only_span.attributes).not_to have_key('tasker.exception_object')
    end

    it 'has neither message nor class nor exception where nothing is known' do
      publish('step.failed', task_id: 1, step_id: 1)

      expect(only_span).to have_attributes(status: 'ERROR', status_message: '')
      expect(only_span.events.map(&:name)).to eq(['step.failed'])
    end

    it 'survives errors that lie about themselves' do
      error = Class.new(StandardError) do
        def message = raise('no message')
        def backtrace = 5
        def to_s = nil
      end
      expect { handle { raise error } }.to raise_error(error)

      expect(only_span.status).to eq('ERROR')
    end

    it 'has a message in UTF-8, bounded' do
      expect { handle { raise "b\xE4d #{'x' * 100_000}" } }.to raise_error(RuntimeError)

      expect(only_span.status_message).to start_with("b\u{FFFD}d xxx").and be_valid_encoding
      expect(only_span.status_message.bytesize).to be <= 65_536
    end

    it 'has no backtrace where the filter masks it' do
      configure(filter_parameters: [:backtrace])

      expect(fail_deep(1).events.last.attributes).not_to have_key('exception.stacktrace')
    end
  end

  describe 'its limits' do
    it 'keep the first attributes, and count the others' do
      configure(span_attribute_count_limit: 3)
      span = span_of(a: 1, b: 2, c: 3)

      expect(span.attributes.keys).to eq(%w[tasker.task_id tasker.step_id tasker.a])
      expect(span.dropped_attributes_count).to be >= 3
      expect(span.events.last.attributes.size).to eq(3)
      expect(span.events.last.dropped_attributes_count).to eq(3)
    end

    it 'still take another value for an attribute that is there' do
      configure(span_attribute_count_limit: 3)
      publish('step.before_handle', task_id: 1, step_id: 2, a: 1)
      publish('step.completed', task_id: 1, step_id: 2, a: 2)

      expect(only_span.attributes).to include('tasker.a' => 2)
    end

    it 'cut values, with a mark where there is room for it' do
      configure(span_attribute_value_length_limit: 60)
      span = span_of(long: 'ä' * 100, nested: ['x' * 100], short: 'y' * 60)

      expect(span.attributes['tasker.long']).to eq("#{'ä' * 17}... [truncated, 200 bytes]")
      expect(span.attributes['tasker.nested'].bytesize).to be <= 60
      expect(span.attributes['tasker.short']).to eq('y' * 60)
    end

    it 'cut values to a few bytes, too' do
      configure(span_attribute_value_length_limit: 3)

      expect(span_of(long: 'äää').attributes['tasker.long']).to eq('ä')
    end

    it 'cut no value at 0' do
      configure(span_attribute_value_length_limit: 0)

      expect(span_of(long: 'x' * 100_000).attributes['tasker.long'].size).to eq(100_000)
    end

    it 'keep the first events, and count the others' do
      configure(span_event_count_limit: 2)
      handle { 5.times { |number| Tasker::Native.current_span.add_event("event #{number}") } }

      expect(only_span.events.map(&:name)).to eq(['event 0', 'event 1'])
      expect(only_span.dropped_events_count).to eq(4)
      expect(only_span.attributes).to include('tasker.event_type' => 'completed')
    end

    it 'count links' do
      configure(span_link_count_limit: 0)
      2.times { %w[task.start_requested task.completed].each { |event| publish(event, task_id: 7) } }

      expect(roots.last).to have_attributes(links: [], dropped_links_count: 1)
    end

    it 'bound a span as a whole' do
      handle do
        60.times { |number| Tasker::Native.current_span.add_event("event #{number}", 'text' => 'x' * 60_000) }
      end

      expect(only_span.events.sum { |event| event.attributes.to_s.bytesize }).to be < 1024 * 1024
      expect(only_span.dropped_events_count).to be_positive
    end
  end

  it 'says who made it' do
    configure(service_name: 'orders', service_version: '1.2.3')

    expect(span_of(a: 1)).to have_attributes(
      scope: ['tasker-native', Tasker::Native::VERSION],
      resource: include('service.name' => 'orders', 'service.version' => '1.2.3', 'process.pid' => Process.pid,
                        'telemetry.sdk.name' => 'tasker-native', 'telemetry.sdk.language' => 'ruby',
                        'telemetry.sdk.version' => Tasker::Native::VERSION, 'host.name' => Socket.gethostname,
                        'service.instance.id' => match(/\A\h{8}(-\h{4}){3}-\h{12}\z/))
    )
  end

  it 'has the attributes of the resource that the environment names' do
    with_env(OTEL_RESOURCE_ATTRIBUTES: 'team=a%2Cb,service.name=env,password=shown') do
      configure(service_version: '1')

      expect(span_of(a: 1).resource).to include('team' => 'a,b', 'service.name' => 'env')
    end
  end

  it 'keeps the identity of its process, whatever settings change' do
    first = span_of(a: 1).resource['service.instance.id']
    configure(schedule_delay: 1.0)

    expect(span_of(a: 1).resource['service.instance.id']).to eq(first)
  end
end
