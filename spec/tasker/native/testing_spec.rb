# frozen_string_literal: true

RSpec.describe Tasker::Native::Testing do
  def message_of
    yield
    raise 'the expectation held'
  rescue RSpec::Expectations::ExpectationNotMetError => e
    e.message
  end

  describe '.published_events' do
    after { described_class.stop_recording_events }

    it 'has every event since recording began, with its payload as it was published' do
      publish('test.event', number: 1)
      2.times { described_class.record_events }
      publish('test.event', number: 2, password: 'seen')
      host.publish_event('testing.new_event', number: 3)

      expect(described_class.published_events.map { |event| [event.id, event[:number]] })
        .to eq([['test.event', 2], ['testing.new_event', 3]])
      expect(described_class.published_events.first[:password]).to eq('seen')
    end

    it 'begins anew with reset!' do
      described_class.record_events
      publish('test.event')
      described_class.reset!
      publish('step.failed')

      expect(described_class.published_events.map(&:id)).to eq(['step.failed'])
    end

    it 'records again after all subscriptions were ended' do
      described_class.record_events
      publisher.unsubscribe_all
      described_class.record_events
      publish('test.event')

      expect(described_class.published_events.size).to eq(1)
    end

    it 'says how to record, where nothing is recorded; events cost nothing more then' do
      expect { described_class.published_events }
        .to raise_error(Tasker::Native::ConfigurationError, /Testing\.record_events/)
      described_class.record_events
      expect { described_class.stop_recording_events }
        .to change { publisher.wanted?('workflow.task_started') }.from(true).to(false)
      expect { described_class.published_events }.to raise_error(Tasker::Native::ConfigurationError)
    end
  end

  it 'brings the matchers where RSpec is loaded before it' do
    script = <<~RUBY
      require 'rspec/core'
      require 'tasker/native/testing'
      RSpec.describe('Matchers') { it { expect([]).not_to have_published('test.event') } }
      exit RSpec::Core::Runner.run(['-f', 'p'])
    RUBY
    expect(ruby(script, gems: true)).to include('1 example, 0 failures')
  end

  describe '.record_events with a block' do
    it 'gives the events of the block, and leaves nothing behind' do
      events = described_class.record_events { handle { nil } }
      publish('test.event')

      expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
      expect(publisher.listeners('step.completed')).to be_empty
    end

    it 'leaves nothing behind when the block raises either' do
      expect { described_class.record_events { raise IOError } }.to raise_error(IOError)
      expect(publisher.listeners('step.completed')).to be_empty
    end
  end

  describe 'have_published' do
    it 'holds for what a block publishes' do
      expect { handle(build_step(name: 'pay')) }.to have_published('step.completed').with(step_name: 'pay').once
      expect { handle }.not_to have_published('step.failed')
    end

    it 'holds for recorded events' do
      described_class.record_events
      2.times { publish('test.event', 'number' => 5) }

      expect(described_class).to have_published('test.event').with(number: a_value > 4).times(2)
      expect(described_class.published_events).to have_published('test.event')
      described_class.stop_recording_events
    end

    it 'takes Symbols for names, also where it must not hold' do
      expect { publisher.publish('test.event', number: 1) }.to have_published(:'test.event').with('number' => 1)
      expect { expect { publisher.publish('test.event', {}) }.not_to have_published(:'test.event') }
        .to raise_error(RSpec::Expectations::ExpectationNotMetError)
    end

    it 'is composed with others' do
      expect { publish('test.event') }.to have_published('test.event').and not_publish('slow.event')
    end

    it 'does not take a missing key for nil' do
      expect { publish('test.event') }.not_to have_published('test.event').with(number: nil)
      expect { publish('test.event', number: nil) }.to have_published('test.event').with(number: nil)
    end

    it 'says what was published instead' do
      expect(message_of { expect { nil }.to have_published('test.event') })
        .to eq('expected to have published test.event, but nothing was published')
      expect(message_of { expect { publish('slow.event') }.to have_published('test.event').with(a: 1).times(2) })
        .to match(/have published test.event with \{:?a.*1\}, twice, but only these were published: slow\.event\z/)
    end

    it 'says with which payloads it was published, and how often' do
      message = message_of { expect { publish('test.event', b: 2, a: 3) }.to have_published('test.event').with(a: 1) }

      expect(message).to match(/, but it was published once:\n  \{:?a.*3, :?b.*2, .*timestamp/)
      expect(message_of { expect { publish('test.event') }.not_to have_published('test.event') })
        .to match(/\Aexpected not to have published test\.event, but it was published once:\n/)
    end
  end

  describe 'have_span' do
    def run_task
      task = build_task
      host.publish_task_started(task)
      handle(build_step(name: 'pay'), task)
      host.publish_task_completed(task)
    end

    it 'holds for the spans that end in a block' do
      expect { run_task }
        .to have_span('tasker.step.execution').under('tasker.task.execution').with(step_name: 'pay').with_status('OK')
      expect { run_task }.not_to have_span('tasker.step.retry')
    end

    it 'holds for all finished spans, or for those that it is given' do
      run_task

      expect(described_class).to have_span('tasker.task.execution').with('tasker.task_id' => '7')
      expect(spans).to have_span('tasker.step.execution').under(roots.first)
      expect(step_spans).not_to have_span('tasker.task.execution')
    end

    it 'takes Symbols for names' do
      expect { handle { nil } }.to have_span(:'tasker.step.execution').with_status(:ok)
    end

    it 'does not hold for what ended before the block' do
      run_task

      expect { nil }.not_to have_span('tasker.task.execution')
    end

    it 'says which spans have ended instead' do
      expect(message_of { expect { nil }.to have_span('tasker.task.execution') })
        .to eq('expected to have a span tasker.task.execution, but no span has ended')
      other = have_span('tasker.step.execution').under('x').with(step_name: 'ship')
      message = message_of { expect { run_task }.to other }
      expect(message).to match(/a span tasker\.step\.execution under x with \{:?step_name.*"ship"\}, but these /)
        .and match(/^  tasker\.step\.execution OK under tasker\.task\.execution with \{.*"tasker\.step_name".*"pay"/)
        .and match(/^  tasker\.task\.execution OK$/)
    end

    it 'says when the parent has not ended' do
      message = message_of { expect { handle }.to have_span('tasker.step.execution').under('tasker.task.execution') }

      expect(message).to match(/tasker\.step\.execution OK under \h{16}, which has not ended/)
    end
  end

  RSpec::Matchers.define_negated_matcher :not_publish, :have_published
end
