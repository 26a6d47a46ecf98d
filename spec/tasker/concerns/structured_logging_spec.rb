# frozen_string_literal: true

require 'json'

RSpec.describe Tasker::Concerns::StructuredLogging do
  subject(:logging) { stub_const('OrderProcess::HTTPCartFetcher', Class.new { include Tasker::Concerns::StructuredLogging }).new }

  let(:step) { Struct.new(:workflow_step_id, :name, :status, :task).new(21, 'fetch_cart', 'in_progress', task) }
  let(:task) { build_task }
  let(:line) { lines.first }

  before { configure(log_level: 'debug') }

  after { logging.correlation_id = nil }

  # Of the log, without their levels.
  def lines
    log_lines(/\A[A-Z]+ \{/).map { |text| JSON.parse(text[/\{.*/], symbolize_names: true) }
  end

  def levels
    log_lines.map { |text| text[/\A\w+/] }
  end

  describe '#log_structured' do
    it 'writes a line with these fields, in this order, and then the context' do
      logging.log_structured(:warn, 'Cart fetched', cart_id: 5, items: [{ n: 1 }])

      expect(levels).to eq(['WARN'])
      expect(line.keys).to eq(%i[timestamp correlation_id component message environment tasker_version process_id
                                 thread_id cart_id items])
      expect(line).to include(message: 'Cart fetched', component: 'http_cart_fetcher', environment: 'test',
                              tasker_version: Tasker::Native::VERSION, process_id: Process.pid,
                              thread_id: Thread.current.object_id.to_s(16), cart_id: 5, items: [{ n: 1 }])
      expect(line[:timestamp]).to match(/\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\z/)
    end

    it 'lets the context win, and has the request_id of Current' do
      stub_const('Current', Class.new { def self.request_id = 'r1' })
      logging.log_structured(:info, 'a', message: 'b', component: 'mine')

      expect(line).to include(message: 'b', component: 'mine', request_id: 'r1')
    end

    it 'filters as telemetry does, at every depth' do
      configure(filter_parameters: %i[card message])
      logging.log_structured(:info, 'secret', card: 1, list: [{ 'my_card' => 2, kind: 'x' }], message: 'secret')

      expect(line).to include(card: '[FILTERED]', list: [{ my_card: '[FILTERED]', kind: 'x' }], message: '[FILTERED]')
    end

    it 'shows nothing of the context when that can not be judged' do
      configure(filter_parameters: [->(_key, _value) { raise 'no' }])
      logging.log_structured(:info, 'secret', kind: 'secret')
      expect(line.values.uniq).to eq(['[FILTERED]'])
    end

    it 'says that there was a line, and no more, when it can not be written' do
      allow(Tasker::Native.runtime.filter).to receive(:json).and_raise(IOError, 'secret')
      expect(logging.log_structured(:info, 'secret', kind: 'secret')).to be_nil

      expect(log).to eq("ERROR tasker-native: a structured line could not be written (IOError)\n")
    end

    it 'does not raise for a logger that does, nor for values that do' do
      logging.log_structured(:info, 'a', bad: Class.new { def to_s = raise('no') }.new, text: "\xFF")
      expect(line).to include(text: "\uFFFD", bad: /whose to_s raised/)

      Tasker::Native.logger = Class.new { def info(_) = raise('no') }.new
      expect(logging.log_structured(:info, 'a')).to be_nil
    end

    it 'takes a level that there is not for info' do
      [:loud, 5, nil].each { |level| logging.log_structured(level, 'a') }
      expect(levels).to eq(['INFO'] * 3)
    end

    it 'takes the name of a level for it' do
      configure(log_level: 'info')
      %w[error debug].each { |level| logging.log_structured(level, 'a') }
      expect(levels).to eq(['ERROR'])
    end
  end

  describe 'a line that is not shown' do
    it 'is one below log_level, or below the logger\'s own' do
      configure(log_level: :warn)
      logging.log_structured(:info, 'a')
      logging.log_structured(:warn, 'b')
      Tasker::Native.logger.level = Logger::ERROR
      logging.log_structured(:warn, 'c')

      expect(lines.map { |line| line[:message] }).to eq(['b'])
    end

    it 'asks neither task nor step, formats nothing, and makes no id' do
      configure(log_level: 'error')
      asked = []
      step = Class.new { define_method(:respond_to?) { |*| asked << 1 } }.new
      logging.log_step_event(step, :completed, duration: 1)
      logging.log_task_event(step, :completed)
      logging.log_orchestration_event('a', :started)
      logging.log_exception(step, level: :warn)

      expect([log, asked, Thread.current[:tasker_correlation_id]]).to eq(['', [], nil])
    end

    it 'makes few objects' do
      configure(log_level: 'error')
      10.times { logging.log_step_event(step, :completed) }
      before = GC.stat(:total_allocated_objects)
      100.times { logging.log_step_event(step, :completed) }

      expect(GC.stat(:total_allocated_objects) - before).to be < 600
    end
  end

  describe 'the formats' do
    let(:text) { log.delete_prefix('INFO ') }

    it 'are readable JSON for pretty_json' do
      configure(log_format: :pretty_json)
      logging.log_structured(:info, 'a', list: [1])

      expect(JSON.parse(text)).to include('message' => 'a', 'list' => [1])
      expect(text.lines.size).to be > 8
    end

    it 'are valid logfmt, whatever keys and values hold' do
      configure(log_format: 'logfmt')
      logging.log_structured(:info, "say \"hi\"\n\\", 'a b="c"': 1, none: nil, yes: true, at: 1.5, nested: { a: ['"'] })

      pairs = text.chomp.scan(/\G([^\s="]+)=("(?:[^"\\]|\\.)*"|[^\s"]*)(?: |\z)/)
      expect(text.lines.size).to eq(1)
      expect(pairs.map { |key, value| "#{key}=#{value}" }.join(' ')).to eq(text.chomp)
      values = pairs.to_h { |key, value| [key, JSON.parse(value)] }
      expect(values).to include('message' => "say \"hi\"\n\\", 'a_b__c_' => 1, 'none' => nil, 'yes' => true,
                                'at' => 1.5, 'nested' => '{"a":["\""]}', 'component' => 'http_cart_fetcher')
    end
  end

  describe '#correlation_id' do
    it 'is made up once a thread, or set' do
      made = logging.correlation_id

      expect(made).to match(/\Atsk_[0-9a-z]+_[0-9A-Za-z]{6}\z/)
      expect(logging.correlation_id).to eq(made)
      expect(Thread.new { logging.correlation_id }.value).not_to eq(made)
      logging.correlation_id = 'mine'
      expect(logging.correlation_id).to eq('mine')
    end

    it 'is another one within a block, also when that raises' do
      logging.correlation_id = 'outer'
      expect(logging.with_correlation_id('inner') { logging.log_structured(:info, 'a') || logging.correlation_id })
        .to eq('inner')
      expect { logging.with_correlation_id('inner') { raise 'no' } }.to raise_error('no')

      expect([line[:correlation_id], logging.correlation_id]).to eq(%w[inner outer])
      expect(logging.with_correlation_id(nil) { logging.correlation_id }).to start_with('tsk_')
    end
  end

  it 'has a line for tasks' do
    logging.log_task_event(task, :started, mode: 'async')

    expect(levels).to eq(['INFO'])
    expect(line).to include(message: 'Task started', entity_type: 'task', entity_id: 7, entity_name: 'order_process',
                            event_type: 'started', task_status: 'in_progress', mode: 'async')
  end

  it 'has a line for steps, with their duration' do
    logging.log_step_event(step, :completed, duration: 2.50371, records: 150)

    expect(line).to include(message: 'Step completed', entity_type: 'step', entity_id: 21, entity_name: 'fetch_cart',
                            event_type: 'completed', step_status: 'in_progress', task_id: 7, records: 150,
                            task_name: 'order_process', duration_ms: 2503.71, performance_category: 'slow')
  end

  it 'has one for steps that answer a part of it' do
    logging.log_step_event(build_step, :started)
    logging.log_step_event(nil, :started)

    expect(lines.first).to include(task_id: 7, task_name: nil, step_status: 'in_progress').and not_include(:duration_ms)
    expect(lines.last).to include(entity_id: nil)
  end

  it 'has a line for orchestration' do
    logging.log_orchestration_event('coordination', :started, task_id: 5)

    expect(levels).to eq(['DEBUG'])
    expect(line).to include(message: 'Orchestration started', entity_type: 'orchestration', operation: 'coordination',
                            event_type: 'started', task_id: 5)
  end

  it 'has a line for performance, a warning where it is slow' do
    configure(slow_query_threshold_seconds: 2)
    [0.1, 1, 3, 5.1].each { |seconds| logging.log_performance_event('query', seconds, table: 'steps') }
    [nil, Object.new].each { |odd| logging.log_performance_event('query', odd) }

    expect(levels).to eq(%w[DEBUG DEBUG WARN WARN ERROR ERROR])
    expect(lines.map { |line| line[:performance_category] }).to eq(%w[fast moderate slow very_slow])
    expect(lines[2]).to include(message: 'Performance measurement', entity_type: 'performance', operation: 'query',
                                duration_ms: 3000, is_slow: true, table: 'steps')
  end

  it 'has a line for exceptions, at the level that is asked for' do
    error = begin
      raise ArgumentError, 'no cart'
    rescue ArgumentError => e
      e
    end
    logging.log_exception(error, context: { step_id: 5 }, level: :fatal)
    configure(filter_parameters: [:error_message])
    logging.log_exception(error)

    expect(levels).to eq(%w[FATAL ERROR])
    expect(line).to include(message: 'Exception occurred: ArgumentError', entity_type: 'exception', step_id: 5,
                            exception_class: 'ArgumentError', exception_message: 'no cart',
                            backtrace: error.backtrace.first(10))
    expect(lines.last[:exception_message]).to eq('[FILTERED]')
  end

  it 'is there for handlers' do
    logged = Class.new(Tasker::StepHandler::Base) { def process(*) = log_structured(:info, 'from a handler') }
    logged.new.handle(nil, [], build_step)

    expect(line).to include(message: 'from a handler', component: 'anonymous')
  end
end
