# frozen_string_literal: true

RSpec.describe Tasker::Events::Subscribers::TelemetrySubscriber do
  subject(:subscriber) { described_class.new }

  let(:root) { only_span('tasker.task.execution') }

  describe 'by hand' do
    it 'makes the spans of the events that it is told as plain Hashes' do
      subscriber.handle_task_start_requested({ task_id: 'task-123', task_name: 'order' })
      subscriber.handle_step_before_handle({ task_id: 'task-123', step_id: 'step-1' })
      subscriber.handle_step_completed({ task_id: 'task-123', step_id: 'step-1', step_name: 'fetch' })
      subscriber.handle_task_completed({ task_id: 'task-123' })

      expect(root.events.map(&:name)).to eq(%w[task.started task.completed])
      expect(only_span).to have_attributes(parent_id: root.span_id, status: 'OK',
                                           attributes: include('tasker.step_name' => 'fetch'))
    end

    it 'takes events, and Hashes with Strings as keys' do
      subscriber.handle_task_start_requested(Tasker::Events::Event.new('task.start_requested', { 'task_id' => 1 }))
      subscriber.handle_task_failed({ 'task_id' => 1, 'error_message' => 'no' })

      expect(root).to have_attributes(status: 'ERROR', status_message: 'no')
    end

    it 'filters as everywhere' do
      subscriber.handle_step_completed({ task_id: 1, step_id: 2, password: 'secret', nested: { token: 'secret' } })

      expect(only_span.to_h.to_s).not_to include('secret')
    end

    it 'has a handler for every event that makes spans' do
      handlers = %w[task_initialize_requested task_start_requested task_completed task_failed task_cancelled
                    task_resolved_manually step_execution_requested step_before_handle step_completed step_failed
                    step_cancelled step_resolved_manually step_retry_requested]
      handlers.each { |event| subscriber.public_send("handle_#{event}", { task_id: 1, step_id: 2 }) }

      expect(spans.map(&:name)).to contain_exactly('tasker.step.execution', 'tasker.task.execution',
                                                   'tasker.step.retry')
    end

    it 'has open spans of its own, so that ids may be used again' do
      other = described_class.new
      subscriber.handle_task_start_requested({ task_id: 1 })

      expect(other.get_task_span(1)).to be_nil
      expect(subscriber.get_task_span(1)).not_to be_nil
    end

    it 'raises for what is no event' do
      expect { subscriber.handle_step_completed(5) }.to raise_error(NoMethodError)
    end
  end

  describe '#get_task_span' do
    it 'gives the open root, which takes attributes and events, or nil' do
      expect(subscriber.get_task_span(1)).to be_nil
      subscriber.handle_task_start_requested({ task_id: 1 })
      span = subscriber.get_task_span('1').set_attribute('region', 'EU').add_event('seen')
      subscriber.handle_task_completed({ task_id: 1 })

      expect(subscriber.get_task_span(1)).to be_nil
      expect(root).to have_attributes(span_id: span.span_id, trace_id: span.trace_id,
                                      attributes: include('region' => 'EU'))
      expect(root.events.map(&:name)).to eq(%w[task.started seen task.completed])
    end
  end

  describe '#remove_task_span' do
    it 'gives the open root up: it is not exported' do
      subscriber.handle_task_start_requested({ task_id: 1 })
      span = subscriber.get_task_span(1)

      expect(subscriber.remove_task_span(1)).to have_attributes(span_id: span.span_id)
      expect(subscriber.get_task_span(1)).to be_nil
      expect(subscriber.remove_task_span(1)).to be_nil
      expect(spans).to be_empty
    end
  end

  describe '#telemetry_enabled?' do
    it 'follows the setting, at run time' do
      expect(subscriber.telemetry_enabled?).to be(true)
      configure(enabled: false)
      expect(subscriber.telemetry_enabled?).to be(false)
    end

    it 'is what makes its handlers do nothing' do
      configure(enabled: false)
      subscriber.handle_step_completed({ task_id: 1, step_id: 2 })
      configure(enabled: true)

      expect(spans).to be_empty
    end
  end

  describe '#opentelemetry_available?' do
    let(:script) do
      <<~RUBY
        require 'tasker-native'
        require 'tasker/native/testing'
        ARGV.each { |feature| require feature }
        Tasker.configuration.telemetry.exporter = :memory
        subscriber = Tasker::Events::Subscribers::TelemetrySubscriber.new
        subscriber.handle_task_start_requested({ task_id: 1 })
        subscriber.handle_step_completed({ task_id: 1, step_id: 2 })
        subscriber.handle_task_completed({ task_id: 1 })
        p subscriber.opentelemetry_available?, Tasker::Native::Testing.finished_spans.map(&:name).sort
      RUBY
    end
    let(:names) { '["tasker.step.execution", "tasker.task.execution"]' }

    it 'is false without the OpenTelemetry gem, and spans are made' do
      expect(ruby(script)).to eq("false\n#{names}\n")
    end

    it 'is true with its API loaded, and spans are made' do
      result = run_ruby(script, 'opentelemetry', gems: true)

      expect(result.out).to eq("true\n#{names}\n")
    end

    it 'is true with its SDK loaded, and spans are made' do
      result = run_ruby(script, 'opentelemetry/sdk', gems: true)

      expect(result.out).to eq("true\n#{names}\n")
    end
  end

  describe '.subscribe' do
    it 'is harmless for the class itself: no span is made twice' do
      2.times { expect(described_class.subscribe(publisher)).to be_a(described_class) }
      publish('task.start_requested', task_id: 1)
      publish('step.completed', task_id: 1, step_id: 2)
      publish('task.completed', task_id: 1)

      expect(spans.size).to eq(2)
      expect(publisher.listeners('step.completed')).to be_empty
    end

    it 'is harmless for an instance of the class itself, too' do
      described_class.new.subscribe_to_publisher(publisher)
      publish('step.completed', task_id: 1, step_id: 2)

      expect(spans.size).to eq(1)
    end

    it 'gives an instance that knows the open spans' do
      instance = described_class.subscribe(publisher)
      publish('task.start_requested', task_id: 1)

      expect(instance.get_task_span(1)).not_to be_nil
    end
  end

  describe 'a subclass' do
    before { configure(service_name: 'orders') }

    let(:extending) do
      Class.new(described_class) do
        def handle_task_completed(event)
          finish_task_span(event, :ok, extract_attributes(event).merge('orders.region' => 'EU', more: 1))
        end
      end
    end

    it 'may override a handler and finish the span with attributes of its own' do
      subscriber = extending.new
      subscriber.handle_task_start_requested({ task_id: 1 })
      subscriber.handle_task_completed({ task_id: 1, total_steps: 3, token: 'secret' })

      expect(root).to have_attributes(status: 'OK', attributes: include(
        'orders.total_steps' => 3, 'orders.region' => 'EU', 'orders.more' => 1, 'orders.token' => '[FILTERED]'
      ))
      expect(root.events.map(&:name)).to eq(%w[task.started task.completed])
    end

    it 'may finish with an error, or with no status' do
      failing = Class.new(described_class) do
        def handle_task_completed(event) = finish_task_span(event, :error, {})
        def handle_task_cancelled(event) = finish_task_span(event, :whatever, {})
      end.new
      failing.handle_task_completed({ task_id: 1, error_message: 'no' })
      failing.handle_task_cancelled({ task_id: 2 })

      expect(roots.map { |span| [span.status, span.status_message] }).to eq([%w[ERROR no], ['UNSET', '']])
    end

    it 'finishes nothing while telemetry is off, and nothing twice' do
      configure(enabled: false)
      extending.new.handle_task_completed({ task_id: 1 })
      configure(enabled: true)
      subscriber = extending.new
      2.times { subscriber.handle_task_completed({ task_id: 2 }) }

      expect(root.attributes).to include('orders.task_id' => '2')
    end

    it 'extracts attributes under their names in spans' do
      extract = Class.new(described_class) { public :extract_attributes }.new

      expect(extract.extract_attributes({ 'task_id' => 1, password: 'x', exception_object: IOError.new }))
        .to eq('orders.task_id' => 1, 'orders.password' => 'x')
    end

    it 'stands in for the built-in tracing once it is subscribed' do
      extending.subscribe(publisher)
      task = build_task
      host.publish_task_started(task)
      handle(build_step, task) { nil }
      host.publish_task_completed(task)

      names = spans.map(&:name) - ['tasker.step.queued'] # a wait, where the machine is busy
      expect(names).to contain_exactly('tasker.step.execution', 'tasker.task.execution')
      expect(root.attributes).to include('orders.region' => 'EU')
      expect(only_span.parent_id).to eq(root.span_id)
    end

    it 'stands in for it also when telemetry starts later, or settings change' do
      extending.subscribe(publisher)
      configure(service_version: '2')
      configure(enabled: false)
      configure(enabled: true)
      publish('step.completed', task_id: 1, step_id: 2)

      expect(spans.size).to eq(1)
    end

    it 'gives handlers their current span, and keeps custom events' do
      extending.subscribe(publisher)
      handle do
        Tasker::Native.current_span.set_attribute('region', 'EU')
        host.publish_event('order.packed', boxes: 2)
      end

      expect(only_span.attributes).to include('region' => 'EU')
      expect(only_span.events.map(&:name)).to eq(%w[order.packed step.completed])
    end

    it 'may override what a step becomes' do
      quiet = Class.new(described_class) { def handle_step_completed(event) = safe_get(event, :loud) && super }
      quiet.subscribe(publisher)
      publish('step.completed', task_id: 1, step_id: 1)
      publish('step.completed', task_id: 1, step_id: 2, loud: true)

      expect(only_span.attributes).to include('orders.step_id' => '2')
    end

    it 'may listen to events of its own, and leave some out' do
      seen = []
      selective = Class.new(described_class) do
        subscribe_to 'order.packed'
        filter_events { |name| name != 'step.cancelled' }
        define_method(:handle_order_packed) { |event| seen << get_task_span(event[:task_id])&.trace_id }
      end
      selective.subscribe(publisher)
      publish('task.start_requested', task_id: 1)
      host.publish_event('order.packed', task_id: 1)

      expect { publish('step.completed', task_id: 1, step_id: 2) }.to have_span('tasker.step.execution')
      publish('step.before_handle', task_id: 1, step_id: 3)
      expect { publish('step.cancelled', task_id: 1, step_id: 3) }.not_to have_span('tasker.step.execution')
      publish('task.completed', task_id: 1)
      expect(seen).to eq([root.trace_id])
    end

    it 'stands in for it as long as it is subscribed' do
      subscriber = extending.subscribe(publisher)
      publisher.event_names.flat_map { |name| publisher.listeners(name) }.grep(Tasker::Native::Subscription)
               .each { |listener| publisher.unsubscribe(listener) if listener.receiver.equal?(subscriber) }
      Tasker::Native::Testing.reset!
      publish('step.completed', task_id: 1, step_id: 2)

      expect(spans.size).to eq(1)
    end

    it 'still stands in for it after a reset' do
      extending.subscribe(publisher)
      Tasker::Native::Testing.reset!
      publish('step.completed', task_id: 1, step_id: 2)

      expect(spans.size).to eq(1)
    end

    it 'is counted among the open spans' do
      extending.subscribe(publisher)
      publish('task.start_requested', task_id: 1)
      publish('step.before_handle', task_id: 1, step_id: 2)

      expect(stats).to include(open_tasks: 1, open_steps: 1)
    end
  end

  it 'interrupts its open steps when the process shuts down' do
    subscriber.handle_step_before_handle({ task_id: 1, step_id: 2 })
    Tasker::Native.shutdown

    expect(only_span.events.map(&:name)).to eq(['tasker.span.interrupted'])
  end

  it 'may come and go in numbers without leaving anything' do
    200.times { |number| described_class.new.handle_step_completed({ task_id: 1, step_id: number }) }
    GC.start

    expect(step_spans.size).to eq(200)
  end
end
