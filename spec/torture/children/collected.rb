# frozen_string_literal: true

# The paths of the binding that hold objects of the application while its code runs, each with garbage collected
# meanwhile and, by that code, in the middle. What comes out must be what goes in. ARGV: stress, auto_compact, verify.
require_relative '../../support/torture/child'
require_relative '../../support/torture/collecting'
require 'bigdecimal'
require 'json'

# What a publication may be made of. Texts are made anew, so that nothing else refers to them.
module Material
  STEP = Struct.new(:workflow_step_id, :name, :task_id, :attempts, :retry_limit, :inputs, :results, :parents,
                    :last_attempted_at, :processed_at, keyword_init: true)
  # Knows its task, and not the task's id.
  OTHER_STEP = Struct.new(:workflow_step_id, :name, :task, keyword_init: true)
  TASK = Struct.new(:task_id, :name, :context)
  NOON = Time.utc(2026, 1, 2, 12)

  # Answers with a new object, after garbage was collected.
  class Asked
    def initialize(collecting, **answers)
      answers.each do |question, answer|
        define_singleton_method(question) do |*|
          collecting.now
          answer.call
        end
      end
    end
  end

  # A Time as ActiveSupport's: it is none, and has an iso8601 of its own.
  def time_alike(text)
    Asked.new(@collecting, iso8601: -> { +text }, strftime: -> { +text })
  end

  def text_of(text)
    Asked.new(@collecting, to_s: -> { text.dup })
  end

  def step(**values)
    STEP.new(workflow_step_id: 2, name: "step #{@round}", task_id: "task #{@round}", attempts: 2, retry_limit: 3,
             inputs: {}, results: {}, last_attempted_at: NOON, processed_at: NOON + 2.5, **values)
  end

  def error(message)
    raise IOError, +message
  rescue IOError => e
    e
  end

  def collecting(&)
    @collecting.meanwhile(&)
  end

  def publisher
    Child.publisher
  end

  def spans
    Tasker::Native::Testing.finished_spans
  end

  def same(actual, expected)
    Child.check(actual == expected, "#{@scenario}: #{actual.inspect} is not #{expected.inspect}")
  end

  # What the span has of these attributes.
  def same_attributes(span, expected)
    same(expected.to_h { |name, _| [name, span.attribute(name.to_s)] }, expected)
  end
end

# Ends roots in a way of its own.
class Regional < Tasker::Events::Subscribers::TelemetrySubscriber
  def handle_task_completed(event)
    finish_task_span(event, :ok, extract_attributes(event).merge('region' => +'EU'))
  end
end

# Payloads of steps, as a Hash for listeners and straight into the span.
module PayloadsOfSteps
  include Material

  private

  def scenario_payload_of_an_error
    heard = nil
    failure = error("no #{@round}")
    failing = step(results: { 'left' => +'over' })
    collecting do
      publisher.publish_step(self, 'step.failed', :failed, failing, failure, { "context #{@round}": +'wins' })
      listener = publisher.subscribe('step.failed') { |event| heard = event.payload }
      publisher.publish_step(self, 'step.failed', :failed, step(workflow_step_id: 3), failure, {})
      publisher.unsubscribe(listener)
    end
    same(heard.values_at(:error_message, :error_class, :exception_class, :backtrace, :task_id, :completed_at),
         ["no #{@round}", 'IOError', 'IOError', failure.backtrace.first(10), "task #{@round}", '2026-01-02T12:00:02Z'])
    spans.each { |span| check_failed_span(span, failure) }
    same_attributes(spans.first, "context #{@round}": 'wins', step_results: '{"left":"over"}', attempt_number: 2)
  end

  def check_failed_span(span, failure)
    same([span.status, span.status_message, span.attribute('error.type')], ['ERROR', failure.message, 'IOError'])
    exception = span.events.find { |event| event.name == 'exception' }
    same(exception.attributes.values_at('exception.message', 'exception.stacktrace'),
         [failure.message, "#{failure.backtrace.join("\n")}\n"])
  end

  def scenario_payload_of_a_failure_without_its_error
    kept = { 'error' => +'kept', 'backtrace' => [+'a.rb:1'], 'error_class' => +'KeptError' }
    payloads = collecting do
      [[step(results: kept), nil, {}], [step, +'told', {}], [step, nil, { exception_object: error('x'), error: +'y' }],
       [OTHER_STEP.new(workflow_step_id: 2, name: +'n', task: TASK.new(+'of the task')), nil, {}]].map do |asked|
        subject, failure, context = asked
        Tasker::Native.build_step_payload(subject, :failed, failure, context)
      end
    end
    same(payloads.map { |payload| payload.values_at(:error_message, :exception_class, :backtrace, :task_id) },
         [['kept', 'KeptError', ['a.rb:1'], "task #{@round}"], ['told', 'StandardError', nil, "task #{@round}"],
          ['y', 'IOError', nil, "task #{@round}"], ['Unknown error', 'StandardError', nil, 'of the task']])
  end

  # Each answer is a new object, and garbage is collected before and after it.
  def scenario_payload_of_a_step_that_collects
    parents = [Asked.new(@collecting, name: -> { +'parent' }), Object.new]
    asked = Asked.new(@collecting, workflow_step_id: -> { +'id' }, name: -> { +'name' }, task_id: -> { +'task' },
                                   attempts: -> { 1 }, retry_limit: -> { raise 'no' }, parents: -> { parents.dup },
                                   inputs: -> { { "key #{@round}" => [text_of('deep')] } },
                                   last_attempted_at: -> { time_alike('2026-01-02T03:04:05Z') })
    started = nil
    collecting do
      started = Tasker::Native.build_step_payload(asked, :started, nil, {})
      publisher.publish_step(self, 'step.before_handle', :started, asked, nil, {})
      publisher.publish_step(self, 'step.completed', :completed, asked, nil, { execution_duration: BigDecimal('1.5') })
    end
    same(started.slice(:step_id, :step_name, :task_id, :started_at, :retry_limit, :step_dependencies),
         { step_id: 'id', step_name: 'name', task_id: 'task', started_at: '2026-01-02T03:04:05Z',
           step_dependencies: ['parent', nil] })
    same_attributes(spans.first, step_name: 'name', step_dependencies: '["parent",null]',
                                 step_inputs: %({"key #{@round}":["deep"]}), execution_duration: '0.15e1')
  end
end

# What values and keys become.
module ValuesAndKeys
  include Material

  private

  def scenario_objects_as_values
    values = { object: text_of('told'), raising: Asked.new(@collecting, to_s: -> { raise 'no' }),
               lying: Asked.new(@collecting, to_s: -> { 5 }), time: Time.at(0, in: '+02:00'),
               date: time_alike('2026-01-02'), large: 2**80, wide: 'größe'.encode('UTF-16LE'), broken: +"a\xFFb",
               latin: 'ü'.encode('ISO-8859-1'), rational: 1r / 3, "dynamic #{@round}": :"symbol #{@round}",
               text_of('key') => +'of an object', long: 'x' * 5000, list: [text_of('one'), [2**80, :"two #{@round}"]] }
    collecting { publisher.publish('step.completed', { task_id: text_of('T'), step_id: text_of('S'), **values }) }
    name = Asked.name
    same_attributes(spans.first, task_id: 'T', step_id: 'S', object: 'told', raising: "#<#{name} whose to_s raised>",
                                 lying: "#<#{name}>", time: '1970-01-01T02:00:00.000+02:00', date: '2026-01-02',
                                 large: (2**80).to_s, wide: 'größe', broken: "a\uFFFDb", latin: 'ü', rational: '1/3',
                                 "dynamic #{@round}": "symbol #{@round}", key: 'of an object', long: 'x' * 5000,
                                 list: %(["one",["#{2**80}","two #{@round}"]]))
  end

  # The way of values that need no application code, alone, with listeners, and left for the way of all others.
  def scenario_plain_values
    plain = { task_id: 1, step_id: 'S' * 200, number: 5, float: 1.5, yes: true, text: 'größe', execution_duration: 0.5 }
    collecting do
      publisher.publish('step.completed', plain)
      publisher.publish('step.completed', { **plain, step_id: 3, **odd_values })
      publisher.subscribe('workflow.task_started') { |event| publisher.publish('step.completed', event.payload) }
      publisher.publish('workflow.task_started', { **plain, step_id: 4 }) # which is no span
    end
    same(spans.map { |span| span.attribute('step_id') }, ['S' * 200, '3', '4'])
    spans.each { |span| same_attributes(span, float: 1.5, yes: true, text: 'größe', execution_duration: 0.5) }
    same_attributes(spans[1], "broken\uFFFDkey" => '[FILTERED]', 'k' * 1024 => '[FILTERED]', none: nil, error: 'told',
                              large: 2**62, nested: '[true,false,null,1.5,"1970-01-01T00:00:00.000Z"]')
  end

  def odd_values
    { "broken\xFFkey" => +'seen by nobody', 'k' * 1100 => +'seen by nobody', none: nil, error: text_of('told'),
      large: 2**62, nested: [true, false, nil, 1.5, Time.at(0, in: 'UTC')] }
  end

  # As tasker-engine has attributes.
  def scenario_values_as_strings
    timed = step(workflow_step_id: 3, last_attempted_at: 1r, processed_at: 3.5r)
    collecting do
      Tasker::Native.configure_payload(Tasker::Native::ParameterFilter.new, [128, 128, 128, 65_536, true])
      publisher.publish('step.completed', { task_id: 1, step_id: 2, number: 5, none: nil, yes: true, at: Time.at(0).utc,
                                            list: [1], object: text_of('told') })
      publisher.publish_step(self, 'step.completed', :completed, timed, nil, {})
    end
    same_attributes(spans[0], number: '5', none: '', yes: 'true', at: '1970-01-01T00:00:00.000Z', list: '[1]',
                              object: 'told')
    same_attributes(spans[1], execution_duration: '2.5', attempt_number: '2', started_at: '1/1')
  end

  # A Hash of a class of its own, with a default that is code.
  def scenario_hashes_as_payloads
    heard = []
    own = Class.new(Hash).new { |hash, key| hash[key] = key.to_s * 2 }.update(task_id: +'T', step_id: 1, note: +'own')
    plain = Hash.new { |_, key| "no #{key}" }.update(task_id: +'T', step_id: 2, note: +'plain')
    collecting do
      publisher.subscribe('step.completed') { |event| heard << event.payload }
      [own, plain].each { |payload| publisher.publish('step.completed', payload) }
    end
    same(heard.map { |payload| [payload.class, payload[:note], payload[:nothing], payload[:timestamp].class] },
         [[Hash, 'own', nil, Time], [Hash, 'plain', nil, Time]])
    same(spans.map { |span| span.attribute('note') }, %w[own plain])
  end

  def scenario_filter_of_nested_data
    cycle = [+'before']
    cycle << cycle
    data = { password: text_of('secret'), ok: [{ "api_token #{@round}" => [+'secret'] }, { fine: text_of('seen') }],
             "größe #{@round}" => text_of('seen'), "STRAẞE #{@round}": +'secret', cycle: cycle,
             "wide secret #{@round}".encode('UTF-16LE') => +'secret' }
    collecting do
      filters = [+'password', +'token', +'straße', /\Awide SECRET/i, /data\.deep/]
      Tasker::Native.configure_payload(Tasker::Native::ParameterFilter.new(filters), [128, 128, 128, 65_536, false])
      publisher.publish('step.completed', { task_id: 1, step_id: 2, data: data, "my token #{@round}" => +'secret' })
    end
    same_attributes(spans.first, "my token #{@round}": '[FILTERED]', data:
      '{"password":"[FILTERED]",' \
      "\"ok\":[{\"api_token #{@round}\":\"[FILTERED]\"},{\"fine\":\"seen\"}]," \
      "\"größe #{@round}\":\"seen\",\"STRAẞE #{@round}\":\"[FILTERED]\",\"cycle\":[\"before\",\"[FILTERED]\"]," \
      "\"wide secret #{@round}\":\"[FILTERED]\"}")
  end
end

# Who listens, and to what.
module Listeners
  include Material

  private

  # Patterns, objects, methods, subscribers; some raise, come and go, and register events meanwhile.
  def scenario_listeners
    heard = []
    name = "order.shipped#{@round}"
    hear = ->(kind, event) { heard << [kind, event[:text]] }
    subscriber = subscriber_to(name, hear)
    subscribe_all_kinds(name, hear)
    collecting do
      publisher.register_event(name)
      subscriber.subscribe(publisher)
      2.times { |number| publisher.publish(name, { number: number, text: "text #{number}" }) }
    end
    kinds = %w[pattern regexp object subscriber]
    same(heard, ['text 0', 'text 1'].flat_map { |text| kinds.map { |kind| [kind, text] } } << ['late', 'text 1'])
    failures = publisher.stats.fetch(name)
    same(failures.slice(:published, :failures), { published: 2, failures: 1 })
    same(failures[:failures_by_listener].values, [1])
  end

  def subscribe_all_kinds(name, hear)
    collecting = @collecting
    publisher.subscribe("*.shipped#{@round}") { |event| hear.call('pattern', event) }
    publisher.subscribe(/shipped#{@round}\z/) { |event| hear.call('regexp', event) }
    leaving = publisher.subscribe(/shipped#{@round}\z/) do
      publisher.unsubscribe(leaving)
      collecting.now
      publisher.subscribe(name) { |event| hear.call('late', event) }
      publisher.register_event("order.#{name}")
      raise error('as it leaves')
    end
    object = Object.new
    object.define_singleton_method("on_#{name.tr('.', '_')}") { |event| hear.call('object', event) }
    publisher.subscribe(object)
  end

  def subscriber_to(name, hear)
    Class.new(Tasker::Events::Subscribers::BaseSubscriber) do
      subscribe_to(name)
      define_method("handle_#{name.tr('.', '_')}") { |event| hear.call('subscriber', event) }
    end
  end

  def scenario_names_of_events
    names = Array.new(20) { |number| "named#{@round}.event#{number}" }
    collecting do
      names.each do |name|
        publisher.register_event(name.dup)
        [name.to_sym, name.dup.freeze].each { |same| publisher.publish(same) }
      end
    end
    same(publisher.event_names.last(20), names)
    same(names.map { |name| publisher.stats.fetch(name)[:published] }, [2] * 20)
    same(publisher.event_names.all?(&:frozen?), true)
  end
end

# What is done with spans beside publishing.
module Spans
  include Material

  private

  def scenario_spans_by_hand
    subscriber = Regional.new
    ids = { task_id: text_of('T'), step_id: text_of('S') }
    found = nil
    collecting do
      [1, 'T'].each { |id| subscriber.handle_task_start_requested({ task_id: id, task_name: "name #{@round}" }) }
      found = subscriber.get_task_span(text_of('T'))
      found.set_attribute("attribute #{@round}", text_of('set')).add_event("event #{@round}", { list: [text_of('x')] })
      subscriber.handle_step_before_handle({ **ids })
      subscriber.handle_step_failed({ **ids, exception_object: error("no #{@round}"), error_message: text_of('no') })
      subscriber.handle_task_completed({ 'task_id' => text_of('T'), "total #{@round}" => 5 })
      subscriber.remove_task_span(1)
    end
    step, root = spans
    same([root.span_id, root.trace_id, root.status, root.events.map(&:name)],
         [found.span_id, found.trace_id, 'OK', ['task.started', "event #{@round}", 'task.completed']])
    same_attributes(root, task_name: "name #{@round}", "attribute #{@round}": 'set', "total #{@round}": 5, region: 'EU')
    same(root.events[1].attributes, { 'list' => '["x"]' })
    same([step.parent_id, step.status, step.status_message, spans.size], [root.span_id, 'ERROR', 'no', 2])
  end

  # Handlers that publish, add to their spans, and are left.
  def scenario_spans_of_handlers
    working = handler(-> { note_progress })
    leaving = handler(-> { throw :left })
    collecting do
      working.handle(TASK.new(7), [], step)
      catch(:left) { leaving.handle(TASK.new(7), [], step(workflow_step_id: 3)) }
    end
    done, left = spans.select { |span| span.name == 'tasker.step.execution' } # others tell of waits
    same(done.events.map { |event| [event.name, event.attributes.values_at('number', 'tasker.number')] },
         [['custom.progress', [nil, "number #{@round}"]], ["added #{@round}", ["number #{@round}", nil]],
          ['exception', [nil, nil]], ['step.completed', [nil, nil]]])
    same_attributes(done, "set #{@round}": '[1,"two"]', step_results: '{"noted":"all"}')
    same(left.events.map(&:name), ['tasker.span.interrupted'])
  end

  def handler(process)
    Class.new(Tasker::StepHandler::Base) { define_method(:process) { |*| process.call } }.new
  end

  def note_progress
    publisher.publish('custom.progress', { number: text_of("number #{@round}") })
    span = Tasker::Native.current_span
    span.add_event("added #{@round}", { number: text_of("number #{@round}") })
    span.set_attribute("set #{@round}", [1, text_of('two')]).record_exception(error('seen'))
    { noted: text_of('all') }
  end
end

# Lines of events in the log.
module Lines
  include Material

  # Collects garbage when it is asked, and when it is given a line.
  class Collector
    attr_reader :lines

    def initialize(collecting)
      @collecting = collecting
      @lines = []
    end

    def info?
      @collecting.now
      true
    end
    alias error? info?

    def info(line)
      @collecting.now
      @lines << line
    end
    alias error info
  end

  private

  def with_line_logger
    before = Tasker::Native.logger
    logger = Tasker::Native.logger = Collector.new(@collecting)
    yield
    logger.lines.map { |line| JSON.parse(line) }
  ensure
    Tasker::Native.logger = before
  end

  # Nothing but the line refers to what it is made of.
  def scenario_line_of_what_collects
    task = Asked.new(@collecting, name: -> { "task #{@round}" }, task_id: -> { +'t' })
    step = Asked.new(@collecting, workflow_step_id: -> { +'id' }, name: -> { +'name' }, task: -> { task },
                                  status: -> { text_of("status #{@round}") })
    lines = with_line_logger do
      Tasker::Native::LogLine.with_correlation_id(text_of("c #{@round}")) do
        collecting do
          publisher.publish_step(new_host, 'step.completed', :completed, step, nil, { "new #{@round}": text_of('new') })
          publisher.publish_by(new_host, 'step.failed', { deep: { a: [text_of('deep')] } }, step)
        end
      end
    end
    same(lines.map { |line| line.values_at('correlation_id', 'component', 'step_status', 'task_name') },
         [["c #{@round}", "host#{@round}", "status #{@round}", "task #{@round}"]] * 2)
    same([lines.first.values_at('entity_id', "new #{@round}"), lines.last['deep']], [%w[id new], '{"a":["deep"]}'])
  end

  # Of a class of its own, whose name is made anew.
  def new_host
    round = @round
    Class.new { define_singleton_method(:name) { "Shop::Host#{round}" } }.new
  end

  def scenario_line_below_other_settings
    lines = with_line_logger do
      collecting do
        Tasker::Native.configure_lines(true, 1, 0, "environment #{@round}", "version #{@round}")
        publisher.publish_by(self, 'order.noted', { a: +'b' }, nil)
      end
    end
    same(lines.first.values_at('environment', 'tasker_version', 'a'),
         ["environment #{@round}", "version #{@round}", 'b'])
  end
end

# The scenarios: each publishes, and checks what was heard and which spans ended.
class Collected
  include PayloadsOfSteps
  include ValuesAndKeys
  include Lines
  include Listeners
  include Spans

  def initialize(collecting)
    @collecting = collecting
    @round = 0
  end

  def run
    @round += 1
    scenarios = private_methods.grep(/\Ascenario_/)
    scenarios.each do |scenario|
      Tasker::Native::Testing.reset!
      @scenario = scenario
      send(scenario)
      Child.unsubscribe_all
    end
    scenarios.size
  end
end

Child.configure
Child.publisher.register_event('custom.progress')
Child.publisher.register_event('order.noted')
collecting = Collecting.new(ARGV.first)
collected = Collected.new(collecting)
scenarios = Child.amount(1).times.sum do |round|
  collecting.verify if ARGV.first == 'verify' && round < 3
  collected.run
end
Child.done("#{ARGV.first}: #{scenarios} scenarios")
