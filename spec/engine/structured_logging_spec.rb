# frozen_string_literal: true

RSpec.describe 'Structured logging of the engine' do
  let(:logging) { stub_const('OrderProcess::CartFetcher', Class.new { include Tasker::Concerns::StructuredLogging }).new }
  let(:step) { create_step }
  let(:task) { step.task }
  let(:line) { structured_lines.first }

  before { configure(log_level: 'debug') }

  def levels
    log_lines(/\A[A-Z]+ \{/).map { |text| text[/\A\w+/] }
  end

  describe '#log_structured' do
    it 'writes a line with these fields, in this order, and then the context' do
      logging.log_structured(:warn, 'Cart fetched', cart_id: 5)

      expect(levels).to eq(['WARN'])
      expect(line.keys).to eq(%i[timestamp correlation_id component message environment tasker_version process_id
                                 thread_id cart_id])
      expect(line).to include(component: 'cart_fetcher', message: 'Cart fetched', environment: 'test',
                              tasker_version: Tasker::VERSION, process_id: Process.pid, cart_id: 5)
    end

    it 'filters what the settings of the engine say, and shows nothing when that raises' do
      configure(filter_parameters: [:card])
      logging.log_structured(:info, 'a', card: 1, items: [{ my_card: 2, kind: 'x' }])
      configure(filter_parameters: [->(_key, _value) { raise 'no' }])
      logging.log_structured(:info, 'b', kind: 'secret')

      expect(line).to include(card: '[FILTERED]', items: [{ my_card: '[FILTERED]', kind: 'x' }])
      expect(structured_lines.last).to include(message: '[FILTERED]', kind: '[FILTERED]')
    end

    it 'writes to the logger of Rails' do
      lines = StringIO.new
      Tasker::Native.logger = nil
      allow(Rails).to receive(:logger).and_return(Logger.new(lines))
      logging.log_structured(:info, 'Cart fetched')

      expect(lines.string).to include('"message":"Cart fetched"')
    end

    it 'does not raise for what its context does wrong' do
      logging.log_structured(:info, 'a', bad: Class.new { def to_s = raise('no') }.new, text: "\xFF")

      expect(line).to include(message: 'a', text: "\uFFFD")
    end
  end

  describe 'log_format' do
    it 'is JSON, on a line or on several' do
      configure(log_format: 'pretty_json')
      logging.log_structured(:info, 'a', cart_id: 5)

      expect(log).to include(%(  "cart_id": 5\n}))
    end

    it 'is logfmt, in which quotes are escaped' do
      configure(log_format: 'logfmt')
      logging.log_structured(:info, 'He said "no"', cart_id: 5, note: "two\nlines")

      expect(log_lines.size).to eq(1)
      expect(log).to include('message="He said \"no\""', 'cart_id=5', 'note="two\nlines"')
    end

    it 'is that of the events, too' do
      configure(log_format: 'logfmt')
      host.publish_step_completed(step)

      expect(log).to include('message="Step completed"', 'step_name="fetch_cart"',
                             %(tasker_version="#{Tasker::VERSION}"))
    end
  end

  describe 'correlation ids' do
    after { logging.correlation_id = nil }

    it 'are made up once a thread, and are the same for the lines of events' do
      id = logging.correlation_id
      logging.log_structured(:info, 'a')
      host.publish_step_completed(step)

      expect(id).to match(/\Atsk_\w+_\w+\z/)
      expect(structured_lines.map { |line| line[:correlation_id] }).to eq([id, id])
      expect(Thread.new { logging.correlation_id }.value).not_to eq(id)
    end

    it 'are what was set, and for a block what it was called with' do
      logging.correlation_id = 'outer'
      inside = logging.with_correlation_id('inner') { [logging.correlation_id, host.correlation_id] }

      expect(inside).to eq(%w[inner inner])
      expect(logging.correlation_id).to eq('outer')
    end

    it 'are back after a block that raises' do
      logging.correlation_id = 'outer'

      expect { logging.with_correlation_id('inner') { raise IOError } }.to raise_error(IOError)
      expect(logging.correlation_id).to eq('outer')
    end

    it 'are in all lines that the engine writes meanwhile' do
      configure(log_level: 'info')
      logging.with_correlation_id('req-1') { attempt(step) }

      ids = structured_lines.map { |line| line[:correlation_id] }
      expect(ids).to all(eq('req-1')).and have_attributes(size: be > 5)
    end
  end

  describe '#log_step_event' do
    it 'tells what is known of the step, and its duration' do
      logging.log_step_event(step.tap(&:named_step), :completed, duration: 1.23456, rows: 5)

      expect(line).to include(message: 'Step completed', entity_type: 'step', entity_id: step.id,
                              entity_name: 'fetch_cart', event_type: 'completed', task_id: step.task_id,
                              duration_ms: 1234.56, performance_category: 'slow', rows: 5)
      expect(levels).to eq(['INFO'])
    end

    it 'tells the state that the state machine has seen last' do
      logging.log_step_event(step, :a)
      step.status
      logging.log_step_event(step, :b)
      step.state_machine.transition_to!('in_progress')
      logging.log_step_event(step, :c)
      host.publish_step_completed(step)

      expect(structured_lines.map { |line| line[:step_status] }).to eq([nil, 'pending', 'in_progress', 'in_progress'])
    end

    it 'tells names that are in memory, and asks for none' do
      step = fresh(self.step)
      task_id = step.task_id

      expect(queries { logging.log_step_event(step, :a) }).to be_empty
      step.named_step
      step.task.named_task
      expect(queries { logging.log_step_event(step, :b) }).to be_empty
      expect(structured_lines.map { |line| line.slice(:entity_name, :task_name, :task_id) }).to eq(
        [{ entity_name: nil, task_name: nil, task_id: task_id },
         { entity_name: 'fetch_cart', task_name: 'order_process', task_id: task_id }]
      )
    end
  end

  describe '#log_task_event' do
    it 'tells what is known of the task, and asks for nothing' do
      task = fresh(self.task)
      expect(queries { logging.log_task_event(task, :started, priority: 'high') }).to be_empty

      expect(line).to include(message: 'Task started', entity_type: 'task', entity_id: task.id, entity_name: nil,
                              event_type: 'started', task_status: nil, priority: 'high')
    end

    it 'tells the state that the state machine has seen last' do
      task.state_machine.transition_to!('in_progress')
      logging.log_task_event(task, :started)

      expect(line).to include(task_status: 'in_progress', entity_name: 'order_process')
    end
  end

  describe '#log_orchestration_event' do
    it 'writes at level debug' do
      logging.log_orchestration_event('batch', :started, step_count: 2)

      expect(levels).to eq(['DEBUG'])
      expect(line).to include(message: 'Orchestration started', entity_type: 'orchestration', operation: 'batch',
                              event_type: 'started', step_count: 2)
    end
  end

  describe '#log_performance_event' do
    it 'warns of what took longer than the setting says' do
      configure(slow_query_threshold_seconds: 0.5)
      [0.2, 0.6].each { |duration| logging.log_performance_event('query', duration, table: 'carts') }

      expect(levels).to eq(%w[DEBUG WARN])
      expect(structured_lines.map { |line| line.slice(:duration_ms, :is_slow, :performance_category) }).to eq(
        [{ duration_ms: 200.0, is_slow: false, performance_category: 'moderate' },
         { duration_ms: 600.0, is_slow: true, performance_category: 'moderate' }]
      )
    end
  end

  describe '#log_exception' do
    it 'tells class and message, and where it was' do
      error = IOError.new('disk full').tap { |raised| raised.set_backtrace(Array.new(20) { |n| "app.rb:#{n}" }) }
      logging.log_exception(error, context: { step_id: 5 }, level: :fatal)

      expect(levels).to eq(['FATAL'])
      expect(line).to include(message: 'Exception occurred: IOError', entity_type: 'exception', step_id: 5,
                              exception_class: 'IOError', exception_message: 'disk full')
      expect(line[:backtrace]).to all(start_with('app.rb:')).and have_attributes(size: be_between(1, 10))
    end
  end

  describe 'a line that is not shown' do
    # Raises for whatever it is asked.
    let(:mute) { Class.new(BasicObject).new }

    before { configure(log_level: 'error') }

    it 'asks nothing of what it is about' do
      logging.log_step_event(mute, :started)
      logging.log_task_event(mute, :started)

      expect(log).to be_empty
    end

    it 'is also one that the logger does not show' do
      configure(log_level: 'debug')
      Tasker::Native.logger = Logger.new(StringIO.new, level: Logger::ERROR)
      logging.log_step_event(mute, :started)

      expect(log).to be_empty
    end

    it 'is shown as soon as the setting says so' do
      logging.log_structured(:info, 'a')
      Tasker.configuration.telemetry.log_level = 'info'
      logging.log_structured(:info, 'b')

      expect(structured_lines.map { |line| line[:message] }).to eq(['b'])
    end
  end
end
