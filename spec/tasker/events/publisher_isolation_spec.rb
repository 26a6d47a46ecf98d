# frozen_string_literal: true

require 'timeout'

RSpec.describe Tasker::Events::Publisher do
  let(:name) { 'test.event' }

  # Publishes to a listener that misbehaves, and to one behind it that does not.
  def publish_to(&block)
    publisher.subscribe(name, &block)
    events = listen(name)
    publish(name, number: 1)
    events
  end

  {
    'a StandardError' => proc { raise ArgumentError, 'wrong' },
    'a NotImplementedError' => proc { raise NotImplementedError, 'not yet' },
    'a LoadError' => proc { raise LoadError, 'no such file' },
    'a SystemStackError' => proc { raise SystemStackError, 'too deep' },
    'a NoMemoryError' => proc { raise NoMemoryError, 'failed to allocate memory' },
    'an IOError' => proc { raise IOError, 'closed' },
    'an error of its own' => proc { raise Class.new(StandardError) { def message = 'mine' } }
  }.each do |what, error|
    it "isolates a listener that raises #{what}: the next one and the caller go on, the log says so" do
      expect(publish_to(&error).size).to eq(1)

      expected = begin
        error.call
      rescue Exception => e # rubocop:disable Lint/RescueException -- NoMemoryError is one
        e.message
      end
      expect(log_lines).to eq(["ERROR Error publishing event test.event: #{expected}"])
    end
  end

  it 'isolates a listener that really recurses without end' do
    endless = ->(value) { endless.call(value) + 1 }

    expect(publish_to { endless.call(1) }.size).to eq(1)
    expect(log).to include('Error publishing event test.event: stack level too deep')
  end

  it 'isolates an error that has no message to give' do
    error = Class.new(StandardError) { def message = raise('no message') }

    expect(publish_to { raise error }.size).to eq(1)
    expect(log).to include('Error publishing event test.event: ')
  end

  it 'isolates a logger that raises' do
    Tasker::Native.logger = Object.new

    expect(publish_to { raise 'not logged' }.size).to eq(1)
  end

  it 'isolates every failing listener, each with a line and a count of its own' do
    before = publisher.stats.dig(name, :failures) || 0
    3.times { |number| publisher.subscribe(name) { raise "failure #{number}" } }
    publish(name)

    expect(log_lines).to eq(Array.new(3) { |number| "ERROR Error publishing event test.event: failure #{number}" })
    expect(publisher.stats[name][:failures]).to eq(before + 3)
  end

  it 'does not keep a failing listener from making the span' do
    publisher.subscribe('step.completed') { raise 'no' }

    expect(span_of(a: 1).attributes).to include('tasker.a' => 1)
  end

  describe 'what is not meant for it' do
    # Nothing may stay behind: neither an interest, nor a payload, nor a lock.
    def expect_all_well
      publisher.unsubscribe_all
      events = listen(name)
      publish(name, number: 2)
      expect(events.size).to eq(1)
      expect(span_of(a: 1).attributes).to include('tasker.a' => 1)
      expect(balanced?).to be(true)
    end

    it 'lets an Interrupt through' do
      expect { publish_to { raise Interrupt, 'Ctrl-C' } }.to raise_error(Interrupt, 'Ctrl-C')
      expect(log).to be_empty
      expect_all_well
    end

    it 'lets a SignalException through' do
      expect { publish_to { raise SignalException, 'SIGTERM' } }.to raise_error(SignalException)
      expect_all_well
    end

    it 'lets exit through' do
      expect { publish_to { exit(3) } }.to raise_error(SystemExit) { |error| expect(error.status).to eq(3) }
      expect_all_well
    end

    it 'lets throw through' do
      expect(catch(:done) { publish_to { throw :done, :value } }).to eq(:value)
      expect_all_well
    end

    it 'lets Thread#kill through' do
      entered = Queue.new
      thread = Thread.new do
        publish_to do
          entered << true
          sleep
        end
        entered << :survived
      end
      entered.pop
      thread.kill
      thread.join

      expect(entered).to be_empty
      expect(log).to be_empty
      expect_all_well
    end

    it 'lets a Timeout of the caller through' do
      expect { Timeout.timeout(0.05) { publish_to { sleep } } }.to raise_error(Timeout::Error)
      expect(log).to be_empty
      expect_all_well
    end

    it 'lets Thread#raise with what is no error of an application through' do
      abort_error = Class.new(Exception) # rubocop:disable Lint/InheritException -- as signals are
      expect { publish_to { Thread.current.raise(abort_error, 'now') } }.to raise_error(abort_error)
      expect_all_well
    end

    it 'lets all of them through from the to_s of a value, too' do
      hostile = Class.new do
        def initialize(&block) = @block = block
        def to_s = @block.call
      end
      publishing = ->(&block) { publish('step.completed', task_id: 1, step_id: 2, value: hostile.new(&block)) }

      expect(catch(:done) { publishing.call { throw :done, 5 } }).to eq(5)
      expect { publishing.call { raise Interrupt } }.to raise_error(Interrupt)
      expect { Timeout.timeout(0.05) { publishing.call { sleep } } }.to raise_error(Timeout::Error)
      expect_all_well
    end
  end
end
