# frozen_string_literal: true

RSpec.describe 'Tasker::Native.current_span' do
  let(:current) { Tasker::Native.method(:current_span) }

  it 'is nil outside of handlers' do
    publish('step.before_handle', task_id: 1, step_id: 2)

    expect(current.call).to be_nil
    expect(handle { 5 }).to eq(5)
    expect(current.call).to be_nil
  end

  it 'is the span of the step whose handler runs here' do
    seen = handle { current.call }

    expect(seen).to have_attributes(trace_id: only_span.trace_id, span_id: only_span.span_id)
    expect(seen.inspect).to include(only_span.trace_id, only_span.span_id)
  end

  it 'takes events, attributes and errors' do
    handle do
      current.call.add_event('cart.loaded', 'items' => 3, token: 'x')
             .set_attribute('region', 'EU').set_attribute(:retries, 2).record_exception(IOError.new('gone'))
    end

    expect(only_span.attributes).to include('region' => 'EU', 'retries' => 2)
    expect(only_span.events.map(&:name)).to eq(%w[cart.loaded exception step.completed])
    expect(only_span.events.first.attributes).to eq('items' => 3, 'token' => '[FILTERED]')
    expect(only_span.events[1].attributes).to eq('exception.type' => 'IOError', 'exception.message' => 'gone')
    expect(only_span.status).to eq('OK')
  end

  it 'places events between start and end' do
    50.times do |id|
      handle(build_step(workflow_step_id: id)) do
        current.call.add_event('mine')
        host.publish_event('order.packed')
        current.call.record_exception(IOError.new('gone'))
      end
    end
    times = step_spans.map { |span| [span.start_ns, *span.events.map(&:time_ns), span.end_ns] }

    expect(times).to eq(times.map(&:sort))
    expect(times.map { |list| list.last(2).uniq.size }.uniq).to eq([1])
  end

  it 'does nothing any more once its span has ended' do
    ended = handle { current.call }
    ended.add_event('late').set_attribute('late', true).record_exception(IOError.new('late'))

    expect(ended).not_to be_recording
    expect(only_span.events.map(&:name)).to eq(['step.completed'])
    expect(only_span.attributes).not_to have_key('late')
  end

  it 'does nothing for a later attempt of the same step' do
    first = handle { current.call }
    handle { first.set_attribute('late', true) }

    expect(step_spans.map { |span| span.attributes['late'] }).to eq([nil, nil])
  end

  it 'takes any name and value' do
    handle do
      current.call.set_attribute("b\xFFd", Object.new).set_attribute(nil, 1).set_attribute('none', nil)
             .add_event("b\xFFd", nil => 1, 'deep' => [1]).add_event(:symbol).add_event('x' * 100_000)
    end

    expect(only_span.events.map { |event| event.name[0, 6] })
      .to eq(["b\u{FFFD}d", 'symbol', 'xxxxxx', 'step.c'])
    expect(only_span.attributes["b\u{FFFD}d"]).to eq('[FILTERED]')
  end

  it 'raises only for attributes that are no Hash' do
    expect { handle { current.call.add_event('name', 5) } }.to raise_error(TypeError)
  end

  it 'is that of the inner handler while handlers are nested, then that of the outer one again' do
    seen = []
    handle(build_step(workflow_step_id: 1)) do
      seen << current.call.span_id
      handle(build_step(workflow_step_id: 2)) { seen << current.call.span_id }
      seen << current.call.span_id
    end

    inner, outer = step_spans.map(&:span_id)
    expect(seen).to eq([outer, inner, outer])
  end

  it 'is that of the outer handler again after the inner one has failed, or was left by throw' do
    handle(build_step(workflow_step_id: 1)) do
      outer = current.call.span_id
      expect { handle(build_step(workflow_step_id: 2)) { raise 'no' } }.to raise_error('no')
      expect(current.call.span_id).to eq(outer)
      catch(:done) { handle(build_step(workflow_step_id: 3)) { throw :done } }
      expect(current.call.span_id).to eq(outer)
    end
    expect(current.call).to be_nil
  end

  it 'is one of each thread' do
    ids = Array.new(4) do |number|
      Thread.new { handle(build_step(workflow_step_id: number)) { [Thread.new { current.call }.value, current.call] } }
    end.map(&:value)

    expect(ids.map(&:first)).to all(be_nil)
    expect(ids.map { |_, span| span.span_id }).to match_array(step_spans.map(&:span_id))
  end

  it 'is the root of the task once the handler has told the end of its step by itself' do
    publish('task.start_requested', task_id: 7)
    seen = handle do |_, _, step|
      host.publish_step_completed(step)
      current.call&.span_id
    end
    publish('task.completed', task_id: 7)

    expect(seen).to eq(only_span('tasker.task.execution').span_id)
  end

  it 'is nil while telemetry is off' do
    configure(enabled: false)

    expect(handle { current.call }).to be_nil
  end

  it 'is found by a handler whose class overrides handle' do
    handler = Class.new(Tasker::StepHandler::Base) do
      def handle(_task, _sequence, _step) = Tasker::Native.current_span.span_id
    end

    expect(handler.new.handle(build_task, [], build_step)).to eq(only_span.span_id)
  end

  describe 'custom events' do
    it 'belong to the step whose handler publishes them' do
      handle(build_step(workflow_step_id: 21)) do
        host.publish_event('order.packed', boxes: 2, token: 'x')
        host.publish_event('order.packed', boxes: 3, task_id: 'other', step_id: 'other')
      end
      packed = only_span.events.select { |event| event.name == 'order.packed' }

      expect(packed.map { |event| event.attributes['tasker.boxes'] }).to eq([2, 3])
      expect(packed.first.attributes).to include('tasker.token' => '[FILTERED]', 'tasker.timestamp' => be_a(String))
      expect(only_span.attributes).not_to have_key('tasker.boxes')
    end

    it 'belong to nobody when they are published outside, and say nothing of a task' do
      host.publish_event('order.packed', boxes: 2)

      expect(spans).to be_empty
    end
  end
end
