# frozen_string_literal: true

require 'json'
require_relative '../../support/logfmt'
require_relative '../../support/records'

RSpec.describe 'The lines of events in the log' do
  include Records

  let(:step) { task_aware_step.new(21, 'fetch_cart', 'in_progress', task, 1) }
  let(:task_aware_step) { Struct.new(:workflow_step_id, :name, :status, :task, :attempts) }
  let(:task) { build_task }
  let(:line) { lines.first }

  before { configure(structured_logging_enabled: true, log_level: 'debug') }

  after { Tasker::Native::LogLine.correlation_id = nil }

  # Of the log, without their levels.
  def lines
    log_lines(/\A[A-Z]+ \{/).map { |text| JSON.parse(text[/\{.*/], symbolize_names: true) }
  end

  def levels
    log_lines.map { |text| text[/\A\w+/] }
  end

  # A logger that answers only what is given, and remembers the names of the methods that it is asked.
  def logger_with(asked = [], **answers)
    Class.new do
      answers.each { |name, answer| define_method(name) { |*given| asked.push(name) && answer.call(*given) } }
    end.new
  end

  # Publishes something and returns its line.
  def line_with(**context)
    host.publish_step_completed(step, **context)
    lines.last
  end

  # The call, the level and the message of the line, and what upstream's line tells beside the fields that all have.
  # What it tells of a step or a task under the same names is in the examples below.
  {
    publish_step_started: ['INFO', 'Step started', { processing_mode: 'concurrent' }],
    publish_step_before_handle: ['INFO', 'Step before_handle', { handler_class: 'FetchCart' }],
    publish_step_completed: ['INFO', 'Step completed', { operation_count: 2, records_processed: 3 }],
    publish_step_failed: ['ERROR', 'Step failed', { error: 'no cart', exception_class: 'IOError' },
                          { error: IOError.new('no cart') }],
    publish_step_retry_requested: ['INFO', 'Step retry', { retry_reason: 'slow', backoff_seconds: 4 }],
    publish_step_cancelled: ['INFO', 'Step cancelled', { cancellation_reason: 'late' }],
    publish_step_backoff: ['INFO', 'Step backoff', { backoff_seconds: 4, backoff_type: 'exponential' }]
  }.each do |method, (level, message, told, given)|
    it "there is one for #{method}, about the step" do
      host.public_send(method, step, **(given || told))

      expect([levels, lines.size]).to eq([[level], 1])
      expect(line).to include(message: message, entity_type: 'step', entity_id: '21', entity_name: 'fetch_cart',
                              event_type: message.split.last, step_status: 'in_progress', task_id: '7',
                              task_name: 'order_process', **told)
    end
  end

  {
    publish_task_started: ['Task started', { execution_mode: 'async', priority: 1, step_count: 2 }],
    publish_task_completed: ['Task completed', { total_duration: 2.5, completed_steps: 2, total_steps: 2 }],
    publish_task_failed: ['Task failed', { error: 'no stock', total_duration: 2.5 },
                          { error_message: 'no stock', total_duration: 2.5 }],
    publish_task_retry_requested: ['Task retry', { retry_reason: 'Task retry requested' }],
    publish_task_pending_transition: ['Task pending_transition', { reason: 'Task set to pending' }],
    publish_task_enqueue: ['Task enqueue', { queue_name: 'low', job_class: 'TaskJob', priority: 1 }]
  }.each do |method, (message, told, given)|
    it "there is one for #{method}, about the task" do
      host.public_send(method, task, **(given || told))

      expect([levels, lines.size]).to eq([['INFO'], 1])
      expect(line).to include(message: message, entity_type: 'task', entity_id: '7', entity_name: 'order_process',
                              event_type: message.split.last, task_status: 'in_progress', **told)
    end
  end

  {
    publish_workflow_task_started: [[7], {}, { task_id: '7' }],
    publish_workflow_step_completed: [[7, 21], {}, { task_id: '7', step_id: '21' }],
    publish_viable_steps_discovered: [[7, [21, 22]], {}, { step_count: 2, processing_mode: 'concurrent' }],
    publish_no_viable_steps: [[7], {}, { reason: 'No steps ready for execution' }],
    publish_task_finalization_started: [[:task], { processed_steps_count: 2 }, { processed_steps_count: 2 }],
    publish_task_finalization_completed: [[:task], {}, { final_status: 'in_progress', processed_steps_count: 0 }],
    publish_workflow_state_unclear: [[:task], {}, { task_name: 'order_process', reason: 'Task in unclear state' }],
    publish_task_reenqueue_started: [[:task], {}, { current_status: 'in_progress', reason: 'Task reenqueue started' }],
    publish_task_reenqueue_requested: [[:task], {}, { reason: 'Task reenqueue requested' }],
    publish_task_reenqueue_failed: [[:task], { error: 'no queue' }, { error: 'no queue' }],
    publish_task_reenqueue_delayed: [[:task], { delay_seconds: 30 }, { delay_seconds: 30, scheduled_for: /\A2.*Z\z/ }],
    publish_steps_execution_started: [[:task], { step_count: 2 }, { step_count: 2 }],
    publish_steps_execution_completed: [[:task], { processed_count: 2, successful_count: 1 },
                                        { processed_count: 2, successful_count: 1 }]
  }.each do |method, (arguments, keywords, told)|
    it "there is one for #{method}, for debugging" do
      host.public_send(method, *arguments.map { |argument| argument == :task ? task : argument }, **keywords)

      expect([levels, lines.size]).to eq([['DEBUG'], 1])
      expect(line).to include(message: "Orchestration #{line[:event_type]}", entity_type: 'orchestration',
                              event: "workflow.#{line[:event_type]}", task_id: '7', **told)
    end
  end

  it 'there is one for publish_custom_event' do
    host.publish_custom_event('order.packed', boxes: 2, task_id: 7)

    expect(levels).to eq(['INFO'])
    expect(line).to include(message: 'Custom event published', event: 'order.packed', entity_type: 'custom',
                            event_type: 'custom', boxes: 2, task_id: '7')
  end

  it 'there is one for each of the methods that publish any event' do
    host.publish_step_event('step.resolved_manually', step, resolved_by: 'Ada')
    host.publish_task_event('task.cancelled', task, cancelled_by: 'Ada')
    host.publish_workflow_event('workflow.orchestration_requested', task_id: 7)
    host.publish_step_event_for_context(step, context_hint: :failed)

    expect(lines.map { |line| line[:event] }).to eq(%w[step.resolved_manually task.cancelled
                                                       workflow.orchestration_requested step.failed])
    expect(lines.map { |line| line.values_at(:resolved_by, :cancelled_by) }.flatten.compact).to eq(%w[Ada Ada])
  end

  it 'there is none for publish_event, nor for what goes to the publisher itself' do
    host.publish_event('order.packed', boxes: 2)
    publish('step.completed', step_id: 1)

    expect(log).to eq('')
  end

  it 'have the fields that all lines have, first and in this order' do
    stub_const('Current', Class.new { def self.request_id = 'r1' })
    Tasker::Native::LogLine.correlation_id = 'c1'
    host.publish_step_completed(step, execution_duration: 0.25)

    expect(line.keys.first(14)).to eq(%i[timestamp correlation_id component message environment tasker_version
                                         process_id thread_id request_id event entity_type entity_id entity_name
                                         step_status])
    expect(line).to include(correlation_id: 'c1', component: 'host', environment: 'test', request_id: 'r1',
                            tasker_version: Tasker::Native::VERSION, process_id: Process.pid,
                            thread_id: Thread.current.object_id.to_s(16), duration_ms: 250,
                            performance_category: 'moderate')
    expect(line[:timestamp]).to match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/)
  end

  it 'let the payload win, and leave out what is large' do
    expect(line_with(component: 'mine', message: 'mine', step_results: { a: 1 }, backtrace: ['x']))
      .to include(component: 'mine', message: 'mine').and not_include(:step_results, :backtrace)
  end

  it 'are the same whether or not somebody else wants the event' do
    configure(enabled: false)
    unwanted = line_with(operation_count: 2)
    listen('step.completed')
    configure(enabled: true)

    expect(line_with(operation_count: 2).except(:timestamp)).to eq(unwanted.except(:timestamp))
  end

  it 'have at most 64 fields, of at most 1024 bytes, and say how many were dropped' do
    line = line_with(**Array.new(100) { |number| [:"field#{number}", 'ä' * 600] }.to_h)

    expect([line.size, line[:field1].bytesize]).to eq([64, 1027])
    expect(line[:dropped_fields]).to eq(100 - line.keys.grep(/\Afield/).size)
  end

  it 'count what the limits of spans have dropped, too' do
    configure(span_attribute_count_limit: 10)
    line = line_with(**Array.new(20) { |number| [:"field#{number}", 1] }.to_h)

    expect(line[:dropped_fields]).to eq(20 - line.keys.grep(/\Afield/).size)
  end

  describe 'the logger' do
    it 'is called once, with the line, and asked once before it whether it shows it' do
      written = []
      asked = []
      Tasker::Native.logger = logger_with(asked, info?: -> { true }, info: ->(text) { written << text })
      host.publish_step_completed(step)

      expect(asked).to eq(%i[info? info])
      expect(JSON.parse(written.first)).to include('event' => 'step.completed')
    end

    it 'may have no questions' do
      asked = []
      Tasker::Native.logger = logger_with(asked, info: ->(_) {})
      host.publish_step_completed(step)

      expect(asked).to eq(%i[info])
    end

    it 'may be one that tells others, of which one shows the line' do
      texts = [Logger::WARN, Logger::INFO].map { |level| [StringIO.new, level] }
      loggers = texts.map { |out, level| Logger.new(out, level: level) }
      Tasker::Native.logger = ActiveSupport::BroadcastLogger.new(*loggers)
      host.publish_step_completed(step)
      loggers.last.level = Logger::WARN
      host.publish_step_completed(step)

      expect(texts.map { |out, _| out.string.lines.size }).to eq([0, 1])
    end

    it 'may have a level by name' do
      Tasker::Native.logger.level = :warn
      host.publish_step_completed(step)
      host.publish_step_failed(step)

      expect(levels).to eq(['ERROR'])
    end

    it 'may raise when it is asked: nothing is shown, and the event is published' do
      asked = []
      Tasker::Native.logger = logger_with(asked, info?: -> { raise 'no' }, info: ->(_) {})
      events = listen('step.completed')
      host.publish_step_completed(step)

      expect([asked, events.size, step_spans.size]).to eq([%i[info?], 1, 1])
    end

    [RuntimeError, NotImplementedError, NoMemoryError, SystemStackError].each do |error|
      it "may raise #{error}: the event is published, and another line says what happened" do
        told = []
        Tasker::Native.logger = logger_with(info: ->(_) { raise error, 'secret' }, error: ->(text) { told << text })
        events = listen('step.completed')
        host.publish_step_completed(step)

        expect(told).to eq(["tasker-native: a structured line could not be written (#{error})"])
        expect([events.size, step_spans.size]).to eq([1, 1])
      end
    end

    it 'may raise at that line, too' do
      Tasker::Native.logger = logger_with(info: ->(_) { raise 'no' }, error: ->(_) { raise 'no' })
      expect(host.publish_step_completed(step)).to be_nil
      expect(step_spans.size).to eq(1)
    end

    it 'lets throw, Thread#kill and a Timeout of the caller through, after the span' do
      ways = [-> { throw :out }, -> { Thread.current.kill }, -> { sleep }]
      ways.each_with_index do |way, number|
        Tasker::Native.logger = logger_with(info: ->(_) { way.call })
        interruptible { host.publish_step_completed(build_step(workflow_step_id: number)) }
      end
      capture_log
      host.publish_step_completed(step)

      expect([lines.size, step_spans.size]).to eq([1, 4])
    end

    it 'may publish again' do
      inner = outer = 0
      Tasker::Native.logger = logger_with(info: lambda do |text|
        next inner += 1 if text.include?('"event":"order.noted"')

        outer += 1
        host.publish_custom_event('order.noted', text: text)
      end)
      3.times { host.publish_step_completed(step) }

      expect([outer, inner]).to eq([3, 3])
    end

    it 'may publish at each line: that comes to an end, and all goes on' do
      Tasker::Native.logger = logger_with(info: ->(_) { host.publish_step_completed(step) }, error: ->(_) {})
      expect(host.publish_step_completed(step)).to be_nil
      capture_log
      host.publish_step_completed(step)

      expect(lines.size).to eq(1)
    end

    it 'may be none: nothing is written' do
      Tasker::Native.logger = nil
      expect { host.publish_step_failed(step) }.not_to output.to_stderr_from_any_process
    end

    # Comes to an end, however the block does.
    def interruptible
      thread = Thread.new { catch(:out) { Timeout.timeout(0.02) { yield } } } # rubocop:disable Style/ExplicitBlockArgument
      thread.report_on_exception = false
      thread.join
    rescue Timeout::Error
      nil
    end
  end

  describe 'when its level is hidden' do
    let(:asked) { [] }
    let(:spy) do
      asked = self.asked
      Class.new(BasicObject) do
        define_method(:method_missing) { |name, *| asked << name }
        define_method(:respond_to_missing?) { |name, *| asked << name }
      end.new
    end

    before { configure(enabled: false) }

    {
      'log_level' => ->(example) { example.configure(log_level: 'fatal') },
      'the level of the logger' => ->(_) { Tasker::Native.logger.level = Logger::FATAL },
      'structured_logging_enabled' => ->(example) { example.configure(structured_logging_enabled: false) }
    }.each do |by, hide|
      it "by #{by}, neither step nor task is asked, and no id is made" do
        hide.call(self)
        host.publish_step_failed(spy)
        host.publish_task_completed(spy)
        host.publish_task_reenqueue_started(spy)
        host.publish_viable_steps_discovered(spy, spy)

        expect([log, asked, Thread.current[:tasker_correlation_id]]).to eq(['', [], nil])
      end
    end

    it 'makes few objects' do
      configure(log_level: 'fatal')
      10.times { host.publish_step_completed(step) }
      before = GC.stat(:total_allocated_objects)
      100.times { host.publish_step_completed(step) }

      expect(GC.stat(:total_allocated_objects) - before).to be < 250
    end
  end

  describe 'the settings' do
    { 'debug' => 5, 'info' => 4, 'warn' => 1, 'error' => 1, 'fatal' => 0 }.each do |level, count|
      it "show #{count} lines of 5 from log_level #{level} on" do
        [level, level.to_sym].each do |value|
          reset_telemetry
          configure(structured_logging_enabled: true, log_level: value)
          host.publish_no_viable_steps(7)
          host.publish_step_completed(step)
          host.publish_task_failed(task)
          host.publish_custom_event('order.packed')
          host.publish_step_failed(step)

          expect(lines.size).to eq(count)
        end
      end
    end

    it 'take effect at once' do
      host.publish_step_completed(step)
      telemetry.structured_logging_enabled = false
      host.publish_step_completed(step)
      telemetry.structured_logging_enabled = true
      telemetry.enabled = false # the lines stay
      host.publish_step_completed(step)
      telemetry.log_format = 'logfmt'
      host.publish_step_completed(step)

      expect(lines.size).to eq(2)
      expect(log_lines.last).to include(' event="step.completed" ')
    end
  end

  describe 'the filter' do
    it 'masks by key, at every depth' do
      configure(filter_parameters: [:card, /tok.n\z/])
      expect(line_with(card: 1, list: [{ 'my_card' => 2, kind: 'x' }], 'token' => 'secret', tokens: 'x'))
        .to include(card: '[FILTERED]', list: '[{"my_card":"[FILTERED]","kind":"x"}]', token: '[FILTERED]', tokens: 'x')
    end

    it 'masks what the line adds: status, name of the task, ids of correlation and request' do
      stub_const('Current', Class.new { def self.request_id = 'secret' })
      configure(filter_parameters: %i[status task_name correlation_id request_id])
      Tasker::Native::LogLine.correlation_id = 'secret'
      host.publish_step_completed(step)
      host.publish_task_completed(task)

      expect(log).not_to match(/secret|in_progress|order_process/)
      expect(lines.first).to include(step_status: '[FILTERED]', task_name: '[FILTERED]', request_id: '[FILTERED]',
                                     correlation_id: '[FILTERED]')
      expect(lines.last).to include(task_status: '[FILTERED]', entity_name: '[FILTERED]')
    end

    it 'masks what nobody can judge' do
      regexp = Class.new(Regexp) { def match?(*) = raise('no') }
      configure(filter_parameters: [regexp.new('x')])
      expect(line_with(unjudged: 'secret')).to include(unjudged: '[FILTERED]')

      configure(filter_parameters: [->(_key, _value) { raise 'no' }])
      line = line_with(kind: 'secret')
      expect(line.except(:timestamp, :component, :environment, :tasker_version, :process_id, :thread_id, :event,
                         :entity_type, :message).values.uniq).to eq(['[FILTERED]'])
      expect(line[:message]).to eq('Step [FILTERED]')
    end
  end

  describe 'the formats' do
    let(:context) do
      { 'a b="c"': 1, "esc\e": 2, 'bad �': 3, "sep\u2028": 4, '': 5, größe: 0.5, yes: true, none: nil,
        at: Time.utc(2026, 1, 2, 3, 4, 5), text: "say \"hi\" = \n\\ \u2028\u0085\e[2J \xFF ü", nested: { a: ['"'] },
        huge: 2**70, nan: Float::NAN, kind: :symbol }
    end
    let(:values) do
      { 'größe' => 0.5, 'yes' => true, 'at' => '2026-01-02T03:04:05.000Z', 'kind' => 'symbol', 'huge' => (2**70).to_s,
        'text' => "say \"hi\" = \n\\ \u2028\u0085\e[2J \uFFFD ü", 'nested' => '{"a":["\""]}', 'nan' => 'NaN' }
    end

    it 'are JSON on one line' do
      host.publish_step_completed(step, **context)

      expect(log.lines.size).to eq(1)
      expect(log).not_to match(/[\u2028\u0085\e]/)
      expect(JSON.parse(log.delete_prefix('INFO '))).to include(values).and include('a b="c"' => 1, '' => 5)
    end

    it 'are readable JSON for pretty_json' do
      configure(log_format: :pretty_json)
      host.publish_step_completed(step, **context)
      text = log.delete_prefix('INFO ')

      expect(text.lines[1]).to start_with('  "timestamp": "')
      expect([JSON.parse(text), text.lines.size]).to match([include(values), JSON.parse(text).size + 2])
    end

    it 'are logfmt that reads back' do
      configure(log_format: 'logfmt')
      host.publish_step_completed(step, **context)

      expect(log.lines.size).to eq(1)
      expect(Logfmt.parse(log.chomp.delete_prefix('INFO ')))
        .to include(values).and include('a_b__c_' => 1, 'esc_' => 2, 'bad__' => 3, 'sep_' => 4, '_' => 5,
                                        'event' => 'step.completed')
    end
  end

  describe 'records' do
    let(:task_record) { Records::TaskRecord.create!(name: 'order_process', status: 'in_progress') }
    let(:step_record) { Records::StepRecord.create!(task: task_record, name: 'fetch_cart', status: 'complete') }

    around { |example| in_transaction { example.run } }

    it 'are not asked for anything that would be a query' do
      record = Records::StepRecord.find(step_record.id)
      configure(enabled: false)
      found = queries do
        host.publish_step_completed(record)
        host.publish_step_failed(record)
        host.publish_task_completed(Records::TaskRecord.new(task_id: 7, name: 'order_process', status: 'complete'))
      end

      expect(found).to eq([])
      expect(lines.first).to include(step_status: 'complete', task_id: task_record.id.to_s).and not_include(:task_name)
      expect(lines.last).to include(task_status: 'complete', entity_name: 'order_process')
    end

    it 'tell the name of a task that is loaded' do
      step_record.task.reload
      expect(queries { host.publish_step_completed(step_record) }).to eq([])
      expect(line).to include(task_name: 'order_process')
    end

    it 'tell their column, not what a method would look up' do
      step_class = Class.new(Records::StepRecord) { def status = self.class.count.to_s }
      stateless_class = Class.new(Records::StatelessStepRecord) { def status = self.class.count.to_s }
      steps = [step_class.new(status: 'complete'), stateless_class.new]

      expect(queries { steps.each { |step| host.publish_step_completed(step) } }).to eq([])
      expect(lines.map { |line| line[:step_status] }).to eq(['complete', nil])
    end
  end

  describe 'who and where' do
    it 'tells any id of correlation as valid text' do
      { 'c1' => 'c1', 5 => '5', :c => 'c', "a\xFF" => "a\uFFFD", 'ä'.encode('ISO-8859-1') => 'ä' }.each do |id, text|
        Tasker::Native::LogLine.with_correlation_id(id) { expect(line_with[:correlation_id]).to eq(text) }
      end
    end

    it 'makes up an id of correlation, the same for all lines of a thread' do
      2.times { host.publish_step_completed(step) }
      expect(lines.map { |line| line[:correlation_id] }.uniq).to match([/\Atsk_\w+\z/])
    end

    it 'leaves out what can not be told' do
      Tasker::Native::LogLine.with_correlation_id(Class.new { def to_s = raise('no') }.new) do
        expect(line_with).to include(event: 'step.completed').and not_include(:correlation_id)
      end
      stub_const('Current', Class.new { def self.request_id = raise('no') })
      expect(line_with).not_to include(:request_id)
      stub_const('Current', Class.new)
      expect(line_with).not_to include(:request_id)
    end

    it 'names the component after the class' do
      concern = Tasker::Concerns::EventPublisher
      classes = { 'http_cart_fetcher' => stub_const('OrderProcess::HTTPCartFetcher', Class.new { include concern }),
                  'frozen_one' => stub_const('FrozenOne', Class.new { include concern }).freeze,
                  'anonymous' => Class.new { include concern },
                  'by_itself' => Class.new { include concern and def self.name = 'Shop::ByItself' } }
      classes.each do |name, publishing|
        2.times { publishing.new.publish_step_completed(step) }
        expect(lines.last(2).map { |line| line[:component] }).to eq([name, name])
      end
      Class.new { include concern and def self.name = raise('no') }.new.publish_step_completed(step)
      expect(lines.last[:component]).to eq('anonymous')
    end

    it 'takes a step that answers nothing, or raises' do
      questions = %i[status name task task_id workflow_step_id]
      raising = Class.new { questions.each { |name| define_method(name) { raise 'no' } } }
      [nil, BasicObject.new, raising.new].each { |step| host.publish_step_completed(step) }
      [nil, raising.new].each { |task| host.publish_task_completed(task) }

      expect(lines.map { |line| line[:event] }).to eq((%w[step.completed] * 3) + (%w[task.completed] * 2))
      expect(lines.flat_map(&:keys)).not_to include(:step_status, :task_status)
    end

    it 'is written although values raise' do
      expect(line_with(bad: Class.new { def to_s = raise('no') }.new)).to include(bad: /whose to_s raised/)
    end

    it 'tells texts that somebody changes meanwhile, or not' do
      status = +'running'
      changing = task_aware_step.new(21, 'a', status, Class.new { define_method(:name) { status.replace("\xFF") } }.new)
      host.publish_step_completed(changing)

      expect(line).to include(event: 'step.completed').and not_include(:step_status)
    end
  end

  it 'are written for the events of a handler, with its class as the component' do
    stub_const('FetchCart', Class.new(Tasker::StepHandler::Base) { def process(*) = { items: 3 } })
    FetchCart.new.handle(task, [], build_step)

    expect(lines.map { |line| line[:message] }).to eq(['Step started', 'Step before_handle', 'Step completed'])
    expect(lines.map { |line| line[:component] }.uniq).to eq(['fetch_cart'])
    expect(lines.last).to include(:duration_ms, performance_category: 'fast')
  end

  it 'do not depend on when garbage is collected' do
    host.publish_step_completed(step)
    GC.stress = true
    begin
      host.publish_step_completed(step, text: 'x' * 3000, nested: { a: [1, 'ä'] })
    ensure
      GC.stress = false
    end

    expect(lines.last).to include(step_status: 'in_progress', task_name: 'order_process', component: 'host',
                                  nested: '{"a":[1,"ä"]}', text: "#{'x' * 1024}...")
  end
end
