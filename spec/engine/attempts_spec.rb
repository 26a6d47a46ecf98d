# frozen_string_literal: true

require 'timeout'

RSpec.describe 'An attempt of a step that the engine runs' do
  let(:step) { create_step }
  let(:ends) { listen('step.completed', 'step.failed') }
  let(:events) { listen('step.execution_requested', 'step.before_handle', 'step.completed', 'step.failed') }

  def told(*keys)
    ends.map { |event| event.payload.values_at(*keys) }
  end

  describe 'its events' do
    before { [ends, events] }

    it 'tell its end three times, with the same number and the same duration, which is what the handler took' do
      attempt(step) { sleep 0.05 }

      expect(ends.map(&:id)).to eq(['step.completed'] * 3)
      expect(ends.map { |event| event.payload[:to_state] }).to eq([nil, 'complete', nil])
      expect(told(:attempt_number, :execution_duration).uniq).to match([[1, be_between(0.05, 0.5)]])
    end

    it 'tell a failure the same' do
      attempt(step) { sleep(0.05) && raise(KeyError, 'no such key') }

      expect(ends.map(&:id)).to eq(['step.failed'] * 3)
      expect(ends.map { |event| event.payload[:to_state] }).to eq([nil, 'error', nil])
      expect(told(:attempt_number, :execution_duration).uniq).to match([[1, be_between(0.05, 0.5)]])
    end

    it 'tell the error of a failure under both of its names' do
      attempt(step) { raise KeyError, 'no such key' }

      expect(told(:error_class, :error_message).values_at(0, 2)).to eq([['KeyError', 'no such key']] * 2)
      expect(told(:exception_class).values_at(0, 2)).to eq([['KeyError']] * 2)
    end

    it 'tell the number of each attempt from its first to its last event' do
      attempt(step) { raise 'no' }
      retry_step(step)
      attempt(step)

      numbers = events.map { |event| [event.id, event[:attempt_number]] }.chunk_while { |a, b| a == b }.map(&:first)
      expect(numbers).to eq([['step.execution_requested', 1], ['step.before_handle', 1], ['step.failed', 1],
                             ['step.execution_requested', 2], ['step.before_handle', 2], ['step.completed', 2]])
    end

    it 'tell the duration of their own attempt in each of two threads' do
      durations = Queue.new
      publisher.subscribe('step.completed') do |event|
        durations << event.payload.values_at(:step_id, :execution_duration)
      end
      steps = [step_in_memory(1), step_in_memory(2)]
      steps.zip([0.02, 0.2]).map { |one, time| Thread.new { handle(one) { sleep time } } }.each(&:join)

      expect(Array.new(2) { durations.pop }).to match([[1, be_between(0.02, 0.15)], [2, be >= 0.2]])
    end

    it 'tell of another step, published afterwards, what that one knows' do
      attempt(step) { sleep 0.05 }
      other = create_task('pay', context: { cart_id: 18 }).workflow_steps.first
      other.update!(attempts: 2, last_attempted_at: Time.utc(2026), processed_at: Time.utc(2026) + 3)
      host.publish_step_completed(other)

      expect(ends.last.payload).to include(attempt_number: 2, execution_duration: 3.0)
    end

    it 'tell of a step whose attempts are no number, and leave its handler alone' do
      step = Struct.new(:workflow_step_id, :name, :task, :attempts, :results).new(7, 'pay', nil, :many, nil)
      task = Struct.new(:task_id).new(7)

      expect(handler { :paid }.handle(task, nil, step)).to eq(:paid)
      expect(host.publish_step_started(step)).to be_nil
    end

    it 'tell no duration below zero, when only the executor tells an end' do
      Tasker::Orchestration::StepExecutor.new.publish_step_completed(step, execution_duration: -0.5, attempt_number: 1)

      expect(told(:attempt_number, :execution_duration)).to eq([[1, 0.5]])
    end

    it 'tell what the caller says, where that says something' do
      attempt(step) { host.publish_step_completed(step, execution_duration: 7.0, attempt_number: 5) }

      expect(told(:attempt_number, :execution_duration).first).to eq([5, 7.0])
    end
  end

  describe 'its span' do
    it 'is one, as wide as the handler took, although its end is told three times' do
      attempt(step) { sleep 0.05 }

      expect(only_span).to have_attributes(status: 'OK', duration: be_between(0.05, 0.5))
      expect(only_span.attributes).to include('tasker.attempt_number' => 1, 'tasker.step_name' => 'fetch_cart')
    end

    it 'is one for each attempt' do
      attempt(step) { sleep(0.02) && raise(KeyError, 'no') }
      retry_step(step)
      attempt(step) { sleep 0.05 }

      expect(step_spans.map { |span| [span.status, span.attribute('attempt_number')] })
        .to eq([['ERROR', 1], ['OK', 2]])
      expect(step_spans.map(&:duration)).to match([be_between(0.02, 0.5), be_between(0.05, 0.5)])
    end

    it 'begins when the handler does, not when it was asked for' do
      host.publish_step_started(step)
      sleep 0.1
      handle(step)

      expect(only_span.duration).to be < 0.1
      expect(spans('tasker.step.queued').map(&:duration)).to match([be >= 0.1])
    end

    it 'is the current one while the handler runs, and nobody\'s afterwards' do
      ids = []
      attempt(step) { ids << Tasker::Native.current_span.span_id }

      expect(ids).to eq([only_span.id])
      expect(Tasker::Native.current_span).to be_nil
    end

    it 'is a child of the root, which another process may export' do
      attempt(step)
      here = only_span
      Tasker::Native::Testing.reset! # nothing of the task is left
      step.task.state_machine.transition_to!('in_progress')
      finalize(step.task)

      expect([here.trace_id, here.parent_id]).to eq([roots.first.trace_id, roots.first.id])
    end
  end

  describe 'a handler that is left in another way' do
    before { [ends, step] }

    it 'fails with errors that are no StandardError, as others do, and raises the same object' do
      not_there = handler { raise NotImplementedError, 'later' }

      expect { attempt(step, not_there) }.to raise_error(NotImplementedError, 'later')
      expect(told(:error_class, :attempt_number)).to eq([['NotImplementedError', 1]])
      expect(only_span).to have_attributes(status: 'ERROR', status_message: 'later')
    end

    it 'fails without a process of its own' do
      expect { handle(step, Tasker::StepHandler::Base.new) }.to raise_error(NotImplementedError, /must implement/)
      expect(only_span.status).to eq('ERROR')
    end

    it 'is interrupted by throw' do
      catch(:done) { handle(step) { throw :done } }

      expect_interruption
    end

    it 'is interrupted by a timeout around it' do
      expect { Timeout.timeout(0.05) { handle(step) { sleep 5 } } }.to raise_error(Timeout::Error)
      expect_interruption
    end

    it 'fails by a timeout within it' do
      expect { handle(step) { Timeout.timeout(0.05) { sleep 5 } } }.to raise_error(Timeout::Error)
      expect(told(:error_class)).to eq([['Timeout::Error']])
    end

    it 'is interrupted by Thread#kill' do
      started = Queue.new
      thread = Thread.new { handle(step_in_memory(5)) { (started << true) && sleep } }
      started.pop(timeout: 5)
      thread.kill.join

      expect_interruption
    end

    it 'leaves the next attempt alone' do
      catch(:done) { handle(step) { throw :done } }
      attempt(step) { sleep 0.02 }

      expect(step_spans.map(&:status)).to eq(%w[UNSET OK])
      expect(told(:execution_duration)).to match([[be_between(0.02, 0.5)]] * 3)
    end

    def expect_interruption
      expect(ends).to be_empty
      expect(only_span.events.map(&:name)).to eq(['tasker.span.interrupted'])
      expect(Tasker::Native.current_span).to be_nil
    end
  end

  describe 'a class that overrides handle' do
    before { events }

    it 'has its span around what it does itself' do
      overriding = Class.new(Tasker::StepHandler::Base) do
        def handle(*)
          @spans = [Tasker::Native.current_span]
          super
        end

        def process(*) = sleep(0.05)
      end
      attempt(step, overriding.new)

      expect(only_span.duration).to be_between(0.05, 0.5)
      expect(events.map(&:id).tally).to eq('step.execution_requested' => 3, 'step.before_handle' => 1,
                                           'step.completed' => 3)
    end

    it 'has what it does before the engine\'s handle in no duration' do
      overriding = Class.new(Tasker::StepHandler::Base) do
        def handle(*) = sleep(0.2) && super
        def process(*) = nil
      end
      attempt(step, overriding.new)

      expect(told(:execution_duration).uniq).to match([[be < 0.15]])
      expect(only_span.duration).to be < 0.15
    end

    it 'may leave the engine\'s out: then those of executor and state machine make its span' do
      overriding = Class.new(Tasker::StepHandler::Base) do
        def handle(*) = sleep(0.05)
      end
      attempt(step, overriding.new)

      expect(events.map(&:id).tally).to eq('step.execution_requested' => 2, 'step.completed' => 2)
      expect(only_span).to have_attributes(status: 'OK', duration: be_between(0.05, 0.5))
      expect(told(:attempt_number, :execution_duration).uniq).to match([[1, be_between(0.05, 0.5)]])
    end

    it 'has one attempt for however many classes override it' do
      parent = Class.new(Tasker::StepHandler::Base) { def handle(*) = super }
      child = Class.new(parent) do
        def handle(*) = super
        def process(*) = sleep(0.02)
      end
      attempt(step, child.new)

      expect(step_spans.size).to eq(1)
      expect(told(:execution_duration).uniq).to match([[be_between(0.02, 0.5)]])
    end

    def ends
      events.select { |event| event.id == 'step.completed' }
    end
  end

  describe 'of an Api handler' do
    let(:answers) do
      Faraday::Adapter::Test::Stubs.new do |stub|
        stub.get('/cart') { sleep(0.02) && [200, {}, '{"items":3}'] }
        stub.get('/busy') { [503, { 'Retry-After' => '7' }, ''] }
        stub.get('/nowhere') { [404, {}, 'no cart'] }
      end
    end

    before { ends }

    def api(path, &)
      handler = Class.new(Tasker::StepHandler::Api) do
        define_method(:process) { |*| connection.get(path) }
      end
      config = Tasker::StepHandler::Api::Config.new(url: 'http://shop.test', jitter_factor: 0.5)
      handler.new(config: config) { |connection| connection.adapter(:test, answers) }
    end

    it 'gives one span, as wide as its request' do
      attempt(step, api('/cart'))

      expect(only_span).to have_attributes(status: 'OK', duration: be_between(0.02, 0.5))
      expect(ends.size).to eq(3)
      expect(told(:attempt_number, :execution_duration).uniq).to match([[1, be_between(0.02, 0.5)]])
    end

    it 'tells of the backoff, and fails with its error' do
      backoffs = listen('observability.step.backoff')
      attempt(step, api('/busy'))

      expect(backoffs.map(&:payload)).to match([include(step_id: step.id, backoff_seconds: be_a(Numeric))])
      expect(told(:error_class).values_at(0, 2)).to eq([['Tasker::RetryableError']] * 2)
      expect(only_span.status).to eq('ERROR')
    end

    it 'fails for good with an error of the client' do
      attempt(step, api('/nowhere'))

      expect(told(:exception_class).values_at(0, 2)).to eq([['Tasker::PermanentError']] * 2)
      expect(only_span.status_message).to include('permanent status 404')
    end
  end
end
