# frozen_string_literal: true

require 'json'

# A task with all kinds of steps, and what must arrive of it: computed from what was published, and from nothing that
# the gem says but the ids of open spans.
class Traffic
  # When something was done: between these two moments, in nanoseconds since the epoch.
  Moment = Struct.new(:from, :to) do
    # Durations are those of another clock; the two may drift apart a little.
    def cover?(time, slack = 5_000_000)
      time.between?(from - slack, to + slack)
    end
  end

  # A span that must arrive. events are [name, attributes] each; moments: those of its start and its end.
  Expected = Struct.new(:name, :trace_id, :span_id, :parent_id, :status, :message, :attributes, :events, :start, :end,
                        :links, keyword_init: true) do
    # @return [Array<String>] what is different about a span that has arrived
    def differences(span)
      fields = { name: name, trace_id: trace_id, span_id: span_id || span.span_id, parent_id: parent_id, status: status,
                 status_message: message || '', attributes: attributes, links: [], kind: :internal, flags: 0x101,
                 dropped_attributes_count: 0, dropped_events_count: 0, dropped_links_count: 0, trace_state: '' }
      different = fields.reject { |field, value| span[field] == value }
                        .map { |field, value| "#{field}: #{span[field].inspect}, not #{value.inspect}" }
      different + differences_of_events(span) + differences_of_times(span)
    end

    private

    def differences_of_events(span)
      arrived = span.events.map { |event| [event.name, event.attributes] }
      return [] if arrived == events

      ["events: #{arrived.inspect}, not #{events.inspect}"]
    end

    def differences_of_times(span)
      different = []
      different << "start: #{span.start_ns}, not in #{start}" unless start.cover?(span.start_ns)
      different << "end: #{span.end_ns}, not in #{self.end}" unless self.end.cover?(span.end_ns)
      different << 'it ends before it starts' if span.end_ns < span.start_ns
      times = span.events.map(&:time_ns)
      different << "events out of order: #{times}" unless times == times.sort
      different
    end
  end

  SECRETS = ['pa55word', '4111 1111 1111 1111', 't0k3n'].freeze
  STAMP = '2026-01-02T03:04:05Z'

  attr_reader :expected

  # @param task_id [Object]
  # @param prefix [String] the name of the service
  def initialize(task_id = 'order-7', prefix: 'tasker')
    @task_id = task_id
    @prefix = prefix
    @expected = []
  end

  # @return [self]
  def run
    start_task
    handled_step(21, 'fetch_cart', { items: 3, token: 't0k3n' })
    failed_step(22)
    told_step(23)
    settle_step(25)
    retried_step(24)
    end_task
    Tasker::Native.flush
    self
  end

  # @param arrived [Array<Tasker::Native::SpanData>]
  # @return [Array<String>] what is missing, too much, or different
  def problems(arrived)
    arrived = arrived.select { |span| span.trace_id == @trace_id }
    return ["#{arrived.size} spans, not #{expected.size}: #{arrived.map(&:name)}"] if arrived.size != expected.size

    arrived = arrived.to_h { |span| [key_of(span), span] }
    expected.flat_map { |span| differences(span, arrived[key_of(span)]) }
  end

  private

  def publisher
    Tasker::Events::Publisher.instance
  end

  def key_of(span)
    [span.name, *span.attributes.values_at("#{@prefix}.step_id", "#{@prefix}.attempt")]
  end

  def differences(span, arrived)
    texts = arrived ? span.differences(arrived) : ['missing']
    texts.map { |text| "#{span.name} #{span.attributes["#{@prefix}.step_id"]}: #{text}" }
  end

  def wall
    Process.clock_gettime(Process::CLOCK_REALTIME, :nanosecond)
  end

  # @return [Moment] when it was published
  def publish(event_name, payload)
    from = wall
    publisher.publish(event_name, payload)
    Moment.new(from, wall)
  end

  # What a payload becomes, after the rules of the design.
  def attributes_of(payload)
    payload.compact.to_h { |key, value| ["#{@prefix}.#{key}", attribute(key.to_s, value)] }
  end

  def attribute(key, value)
    return '[FILTERED]' if key.match?(/passw|token|card_secret/)
    return value.to_s if key.end_with?('_id')

    value.is_a?(Enumerable) ? JSON.generate(filtered(value)) : value
  end

  def filtered(value)
    case value
    when Hash then value.to_h { |key, inner| [key, key.match?(/passw|token/) ? '[FILTERED]' : filtered(inner)] }
    when Array then value.map { |inner| filtered(inner) }
    else value
    end
  end

  def ids(step_id, attempt = 1)
    { task_id: @task_id, step_id: step_id, attempt: attempt, timestamp: STAMP }
  end

  def start_task
    @task = { task_id: @task_id, task_name: 'order_process', timestamp: STAMP, amount: 12.5, paid: true, nothing: nil,
              context: { 'user' => { 'password' => 'pa55word', 'name' => "Jörg \"J\" \u{1F600}" } } }
    @task_start = publish('task.start_requested', @task)
    root = Tasker::Events::Subscribers::TelemetrySubscriber.subscribe(publisher).get_task_span(@task_id)
    @trace_id = root.trace_id
    @root_id = root.span_id
  end

  def end_task
    ending = { task_id: @task_id, timestamp: STAMP, completed_steps: 3, steps: [21, 22, { token: 't0k3n' }] }
    expected << Expected.new(
      name: 'tasker.task.execution', trace_id: @trace_id, span_id: @root_id, parent_id: nil, status: 'OK',
      attributes: attributes_of({ **@task, **ending }), start: @task_start, end: publish('task.completed', ending),
      events: [['task.started', attributes_of(@task)], @settled, ['task.completed', attributes_of(ending)]]
    )
  end

  def handled_step(step_id, name, results)
    requested = { **ids(step_id), step_name: name, step_inputs: { 'card' => 1, 'token' => 't0k3n' } }
    before = { **ids(step_id), worker: 'w1', big: 2**62, negative: -5 }
    done = { **ids(step_id), results: results, ratio: 0.1, huge: "x\n\u{2028}\t\"\\\u0000" }
    publish('step.execution_requested', requested)
    add_step('OK', attributes_of({ **requested, **before, **done }), publish('step.before_handle', before),
             [['order.packed', attributes_of(pack(step_id))], ['step.completed', attributes_of(done)]],
             publish('step.completed', done))
    2.times { publish('step.completed', done) }
  end

  # A custom event of the application.
  def pack(step_id)
    { **ids(step_id), boxes: [1, 2], password: 'pa55word' }.tap do |packed|
      publisher.register_event('order.packed')
      publish('order.packed', packed)
    end
  end

  def failed_step(step_id)
    before = ids(step_id)
    failed = { **ids(step_id), error_message: 'card refused', error_class: 'PaymentError', password: 'pa55word' }
    start = publish('step.before_handle', before)
    sleep 0.01
    attributes = attributes_of({ **before, **failed })
                 .merge("#{@prefix}.error" => 'card refused', 'error.type' => 'PaymentError')
    exception = { 'exception.type' => 'PaymentError', 'exception.message' => 'card refused' }
    add_step('ERROR', attributes, start, [['step.failed', attributes_of(failed)], ['exception', exception]],
             publish('step.failed', failed), message: 'card refused')
  end

  # One that ran elsewhere, and is told of by its end.
  def told_step(step_id)
    told = { **ids(step_id), started_at: '2026-01-02T03:04:05.25Z', execution_duration: 1.5 }
    publish('step.completed', told)
    from = Time.utc(2026, 1, 2, 3, 4, 5.25r).to_r.*(1_000_000_000).to_i
    add_step('OK', attributes_of(told), Moment.new(from, from), [['step.completed', attributes_of(told)]],
             Moment.new(from + 1_500_000_000, from + 1_500_000_000))
  end

  # One that is settled while nobody works on it is an event of its task.
  def settle_step(step_id)
    settled = { **ids(step_id), resolved_by: 'Ada', password: 'pa55word' }
    publish('step.resolved_manually', settled)
    @settled = ['step.resolved_manually', attributes_of(settled)]
  end

  def retried_step(step_id)
    asked = { **ids(step_id), retry_reason: 'timeout' }
    at = publish('step.retry_requested', asked)
    expected << Expected.new(name: 'tasker.step.retry', trace_id: @trace_id, parent_id: @root_id, status: 'UNSET',
                             attributes: attributes_of(asked), start: at, end: at,
                             events: [['step.retry_requested', attributes_of(asked)]])
  end

  def add_step(status, attributes, start, events, ending, message: nil)
    expected << Expected.new(name: 'tasker.step.execution', trace_id: @trace_id, parent_id: @root_id, status: status,
                             message: message, attributes: attributes, events: events, start: start, end: ending)
  end
end
