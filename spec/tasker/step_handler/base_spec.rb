# frozen_string_literal: true

require 'timeout'

RSpec.describe Tasker::StepHandler::Base do
  let(:names) { %w[step.execution_requested step.before_handle step.completed step.failed] }
  let(:events) { listen(*names) }
  let(:step) { build_step(results: {}) }

  before { events }

  def handler_class(&)
    Class.new(described_class, &)
  end

  def run(handler)
    handler.handle(build_task, [step], step)
  end

  describe '#handle' do
    it 'calls process with task, sequence and step, and returns what that returns' do
      task = build_task
      handler = handler_class { def process(*arguments) = arguments }.new

      expect(handler.handle(task, [step], step)).to eq([task, [step], step])
    end

    it 'leaves the results alone of a step that has none' do
      step = Struct.new(:workflow_step_id, :name).new(21, 'fetch_cart')

      expect(handler_class { def process(*) = { items: 3 } }.new.handle(build_task, [step], step)).to eq(items: 3)
      expect(events.map(&:id)).to eq(names - %w[step.failed])
    end

    it 'publishes execution_requested, before_handle and completed, in this order, each once' do
      run(handler_class { def process(*) = nil }.new)

      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
      expect(events.map { |event| event[:event_type] }).to eq(%w[started before_handle completed])
      expect(events.map { |event| event[:step_id] }).to eq([21] * 3)
    end

    it 'publishes before_handle before process, and completed when its results are there' do
      order = []
      names.each { |name| publisher.subscribe(name) { |event| order << [name, event.payload[:step_results]] } }
      handler = handler_class { define_method(:process) { |*| (order << :process) && { items: 3 } } }.new
      run(handler)

      expect(order).to eq([['step.execution_requested', nil], ['step.before_handle', nil], :process,
                           ['step.completed', { items: 3 }]])
    end

    it 'tells how long it took' do
      run(handler_class { def process(*) = sleep(0.05) }.new)

      expect(events.last[:execution_duration]).to be_between(0.05, 0.5)
      expect(events.last[:execution_duration]).to eq(events.last[:execution_duration].round(3))
    end
  end

  describe '#process' do
    it 'is for subclasses to implement; that it is not is a failed step' do
      expect { run(handler_class.new) }.to raise_error(NotImplementedError, /must implement process/)
      expect(events.last).to have_attributes(id: 'step.failed', payload: include(error_class: 'NotImplementedError'))
    end
  end

  describe '#process_results' do
    it 'keeps what process returned as the results of the step' do
      run(handler_class { def process(*) = { items: 3 } }.new)
      expect(step.results).to eq(items: 3)
    end

    it 'leaves results that process has set itself' do
      run(handler_class { def process(_, _, step) = (step.results = { mine: 1 }) && { other: 2 } }.new)
      expect(step.results).to eq(mine: 1)
    end

    it 'may be overridden' do
      handler = handler_class do
        def process(*) = 5
        def process_results(step, output, before) = step.results = [output, before]
      end
      run(handler.new)

      expect(step.results).to eq([5, {}])
      expect(events.last[:step_results]).to eq([5, {}])
    end
  end

  describe 'when process raises' do
    [ArgumentError, IOError, NotImplementedError, LoadError, SystemStackError, NoMemoryError].each do |error_class|
      it "publishes failed for #{error_class}, and raises the same object again" do
        error = error_class.new('no')
        handler = handler_class { define_method(:process) { |*| raise error } }.new

        expect { run(handler) }.to raise_error(error_class) { |raised| expect(raised).to be(error) }
        expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.failed])
        expect(events.last.payload).to include(error_message: 'no', error_class: error_class.name,
                                               exception_class: error_class.name, backtrace: be_an(Array))
      end
    end

    it 'publishes failed when process_results raises' do
      handler = handler_class do
        def process(*) = 1
        def process_results(*) = raise('not kept')
      end

      expect { run(handler.new) }.to raise_error('not kept')
      expect(events.last.id).to eq('step.failed')
    end

    it 'leaves the backtrace and the cause of the error as they are' do
      handler = handler_class do
        def process(*)
          raise 'cause'
        rescue RuntimeError
          raise ArgumentError, 'effect'
        end
      end

      expect { run(handler.new) }.to raise_error(ArgumentError) { |error|
        expect(error.cause.message).to eq('cause')
        expect(error.backtrace.first).to start_with(__FILE__)
      }
    end

    it 'raises the error of the handler although a listener fails, too' do
      publisher.subscribe('step.failed') { raise 'listener' }
      handler = handler_class { def process(*) = raise(ArgumentError, 'handler') }.new

      expect { run(handler) }.to raise_error(ArgumentError, 'handler')
      expect(log).to include('Error publishing event step.failed: listener')
    end
  end

  describe 'when process is left in another way' do
    def leave(&way)
      run(handler_class { define_method(:process) { |*| instance_exec(&way) } }.new)
    end

    it 'passes Interrupt, exit, throw and a Timeout of the caller through, without failed or completed' do
      expect { leave { raise Interrupt } }.to raise_error(Interrupt)
      expect { leave { exit } }.to raise_error(SystemExit)
      expect(catch(:done) { leave { throw :done, 5 } }).to eq(5)
      expect { Timeout.timeout(0.02) { leave { sleep } } }.to raise_error(Timeout::Error)

      expect(events.map(&:id).uniq).to eq(%w[step.execution_requested step.before_handle])
      expect(Tasker::Native.current_span).to be_nil
    end

    it 'ends the thread that is killed' do
      entered = Queue.new
      thread = Thread.new { leave { (entered << true) && sleep } }
      entered.pop
      thread.kill.join

      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle])
    end

    it 'ends the span of the attempt there and then, so that the next attempt has one of its own' do
      catch(:done) { leave { throw :done } }
      expect(only_span).to have_attributes(status: 'UNSET', events: [have_attributes(name: 'tasker.span.interrupted')])

      leave { 1 }
      expect(step_spans.map(&:status)).to eq(%w[UNSET OK])
    end
  end

  describe 'a subclass that overrides handle' do
    let(:overriding) do
      handler_class { def handle(_, _, step) = (step.results = { mine: true }) && :overridden }
    end

    it 'keeps the events around it' do
      expect(run(overriding.new)).to eq(:overridden)
      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
    end

    it 'has them once, although it calls super' do
      calling = handler_class do
        def handle(*) = [super]
        def process(*) = 5
      end

      expect(run(calling.new)).to eq([5])
      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
    end

    it 'has them once over several generations' do
      grandchild = Class.new(overriding) { def handle(*) = [super] }

      expect(run(Class.new(grandchild).new)).to eq([:overridden])
      expect(events.size).to eq(3)
    end

    it 'publishes failed for what it raises' do
      expect { run(handler_class { def handle(*) = raise('no') }.new) }.to raise_error('no')
      expect(events.last.id).to eq('step.failed')
    end

    it 'is warned of once, when it is defined, with what to do instead' do
      handler = handler_class do
        def handle(*) = 1
        def process(*) = 2
      end
      handler.class_eval { remove_method(:handle) }
      handler.class_eval { def handle(*) = 3 }
      2.times { run(handler.new) }

      expect(log_lines(/overrides handle/).size).to eq(1)
      expect(log).to match(/WARN .*\(#{__FILE__}:\d+\).* Next: name the method process\(task, sequence, step\)/)
    end

    it 'is warned of by its name, also below another one' do
      stub_const('Outer', overriding)
      stub_const('Inner', Class.new(Outer))
      Inner.class_eval { def handle(*) = super }

      expect(log_lines(/overrides handle/)).to match([/WARN/, / Inner overrides handle/])
    end

    it 'is not warned of when it overrides anything else' do
      handler_class { def process(*) = 2 }
      expect(log).to be_empty
    end

    it 'publishes for each of two steps of which one handler calls the other' do
      inner = overriding.new
      inner_step = build_step(workflow_step_id: 22)
      outer = handler_class { define_method(:process) { |*| inner.handle(nil, [], inner_step) } }
      run(outer.new)

      expect(events.map { |event| [event.id.split('.').last, event[:step_id]] })
        .to eq([['execution_requested', 21], ['before_handle', 21], ['execution_requested', 22], ['before_handle', 22],
                ['completed', 22], ['completed', 21]])
    end
  end

  describe '.custom_event_configuration' do
    after { Tasker::Events::CustomRegistry.instance.clear! }

    it 'declares events as soon as the class has it' do
      stub_const('PackBooks', handler_class do
        def self.custom_event_configuration
          [{ name: 'crate.packed', description: 'A crate is closed' }, { 'name' => 'crate.split' }]
        end
      end)

      expect(Tasker::Events.event_info('crate.packed')).to include(description: 'A crate is closed')
      expect(Tasker::Events.events_by_namespace('crate').keys).to eq(%w[crate.packed crate.split])
      expect(publisher.registered?('crate.split')).to be(true)
    end

    it 'is empty unless a subclass has its own' do
      expect(described_class.custom_event_configuration).to eq([])
    end

    it 'does not keep the class from being loaded, whatever is wrong in it' do
      handler_class do
        def self.custom_event_configuration = [{ name: 'step.done' }, { name: 'order.lost' }]
      end
      handler_class do
        def self.custom_event_configuration = later
        def self.later = []
      end

      expect(Tasker::Events.event_info('order.lost')).to include(category: 'custom')
      expect(log_lines).to match([/custom_event_configuration of #<Class:0x\h+>: Namespace "step" .* is reserved/,
                                  /custom_event_configuration of .*undefined local variable or method .later/])
    end
  end

  it 'publishes with the concern, and is given its config' do
    handler = handler_class do
      def process(*) = publish_event('order.seen', config: config)
    end
    seen = []
    publisher.register_event('order.seen').subscribe('order.seen') { |event| seen << event[:config] }
    run(handler.new(config: { retries: 3 }))

    expect(seen).to eq([{ retries: 3 }])
  end

  it 'works with a step that has nothing but results' do
    bare = Struct.new(:results).new
    handler_class { def process(*) = { a: 1 } }.new.handle(nil, nil, bare)

    expect(bare.results).to eq(a: 1)
    expect(events.last[:step_results]).to eq(a: 1)
  end

  it 'works while telemetry is off' do
    configure(enabled: false)

    expect(run(handler_class { def process(*) = 5 }.new)).to eq(5)
    expect(events.size).to eq(3)
    expect(stats[:accepted]).to eq(0)
  end
end
