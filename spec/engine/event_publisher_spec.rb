# frozen_string_literal: true

RSpec.describe 'The concern that publishes, of the engine' do
  let(:step) { create_step }
  let(:task) { step.task }

  # As it is where a handler has it: with the record that names it.
  def known_step
    fresh(step).tap(&:named_step)
  end

  def known_task
    fresh(task).tap(&:named_task)
  end

  describe '#publish_step_failed' do
    it 'tells the class of the error under both of its names, its message and ten lines of where it was' do
      events = listen('step.failed')
      host.publish_step_failed(step, error: raised(KeyError.new('no such key')))

      expect(events.first.payload).to include(error_class: 'KeyError', exception_class: 'KeyError',
                                              error_message: 'no such key', backtrace: have_attributes(size: 10))
    end

    it 'gives a span with the status and the exception' do
      host.publish_step_failed(step, error: raised(KeyError.new('no such key')))

      expect(only_span).to have_attributes(status: 'ERROR', status_message: 'no such key')
      expect(only_span.events.map(&:name)).to eq(%w[step.failed exception])
    end

    def raised(error)
      error.tap { error.set_backtrace(Array.new(20) { |line| "app.rb:#{line}" }) }
    end
  end

  describe '#publish_custom_event' do
    it 'publishes what nobody has registered, with its type and the time' do
      host.publish_custom_event('order.parcelled', order_id: 5)
      events = listen('order.parcelled')
      host.publish_custom_event('order.parcelled', order_id: 6, event_type: 'mine')

      expect(events.map(&:payload)).to match([{ order_id: 6, event_type: 'custom', timestamp: be_a(Time) }])
    end

    it 'becomes an event of the span of the step whose handler publishes it' do
      publishing = Class.new(Tasker::StepHandler::Base) do
        def process(*) = publish_custom_event('order.weighed', grams: 120)
      end
      attempt(step, publishing.new)

      expect(only_span.events.map(&:name)).to eq(%w[order.weighed step.completed])
      expect(only_span.events.first.attributes).to include('tasker.grams' => 120)
    end
  end

  describe 'what goes wrong' do
    let(:broken) { Class.new { def workflow_step_id = raise('no id') }.new }

    it 'does not reach the app when a listener raises' do
      publisher.subscribe('step.completed') { |_| raise IOError, 'disk full' }

      expect { host.publish_step_completed(step) }.not_to raise_error
      expect(log).to include('Error publishing event step.completed: disk full')
    end

    it 'does not reach the app when a payload is built' do
      allow(Tasker::WorkflowStep).to receive(:task_completion_stats).and_raise(ActiveRecord::StatementInvalid, 'gone')

      expect { host.publish_task_completed(task) }.not_to raise_error
      expect { host.publish_step_completed(broken) }.not_to raise_error
      expect { host.publish_step_completed(nil) }.not_to raise_error
    end

    it 'is logged, when it is what the payload is made of' do
      steps = Class.new { def empty? = raise(IOError, 'gone') }.new

      expect { host.publish_task_failed(task, error_steps: steps) }.not_to raise_error
      expect(log_lines(/Error publishing/)).to eq(['ERROR Error publishing event task.failed: gone'])
    end

    it 'does not stop a change of state, of which a listener hears' do
      publisher.subscribe('step.execution_requested') { |_| raise IOError, 'disk full' }
      heard = listen('step.execution_requested')
      step.state_machine.transition_to!('in_progress')

      expect(heard.size).to eq(1)
      expect(fresh(step).status).to eq('in_progress')
    end

    it 'publishes of a task what there is, when its steps can not be counted' do
      events = listen('task.completed')
      allow(Tasker::WorkflowStep).to receive(:task_completion_stats).and_raise(ActiveRecord::StatementInvalid, 'gone')
      host.publish_task_completed(task)

      expect(events.first.payload).to include(task_id: task.id, task_name: 'order_process', total_steps: 0)
    end
  end

  describe 'queries' do
    before { publisher.subscribe('*') { nil } } # every payload is built

    { started: {}, before_handle: {}, completed: {}, failed: {}, retry_requested: {}, cancelled: {},
      backoff: { backoff_seconds: 2 } }.each do |name, arguments|
      it "makes none for publish_step_#{name}, nor for its line in the log" do
        step = known_step

        expect(queries { host.public_send(:"publish_step_#{name}", step, **arguments) }).to be_empty
        expect(structured_lines.size).to eq(1)
      end
    end

    %i[started completed failed retry_requested pending_transition enqueue].each do |name|
      it "makes one for publish_task_#{name} and its line in the log" do
        task = known_task

        expect(queries { host.public_send(:"publish_task_#{name}", task) }.size).to eq(1)
        expect(structured_lines.size).to eq(1)
      end
    end

    it 'makes none for a task of which the caller tells how many steps there are' do
      task = known_task
      counts = { total_steps: 1, completed_steps: 1, failed_steps: 0, pending_steps: 0 }

      expect(queries { host.publish_task_completed(task, **counts) }).to be_empty
    end

    it 'makes none for what is of no record' do
      expect(queries { host.publish_custom_event('order.paid', task_id: 'task-123') }).to be_empty
      expect(queries { host.publish_no_viable_steps('task-123') }).to be_empty
    end

    it 'makes none for an error, and tells the task by its id' do
      step = known_step

      expect(queries { host.publish_step_failed(step, error: IOError.new('no')) }).to be_empty
      expect(structured_lines.last).to include(task_id: task.id.to_s, exception_class: 'IOError')
    end
  end

  describe 'where nobody wants an event' do
    before { configure(log_level: 'error', enabled: false) }

    it 'asks a step for what tells its attempt, and for nothing else' do
      asked = []
      host.publish_step_before_handle(step_that_keeps(asked))
      host.publish_step_backoff(step_that_keeps(asked), backoff_seconds: 1)

      expect(asked - %w[workflow_step_id attempts]).to be_empty
    end

    it 'asks the database for nothing' do
      step = fresh(self.step)
      task = fresh(self.task)

      expect(queries { host.publish_step_backoff(step, backoff_seconds: 1) }).to be_empty
      expect(queries { host.publish_task_enqueue(task) }).to be_empty
    end

    def step_that_keeps(asked)
      Class.new do
        [*Tasker::WorkflowStep.column_names, 'name', 'status', 'task'].each do |name|
          define_method(name) { (asked << name) && nil }
        end
      end.new
    end
  end
end
