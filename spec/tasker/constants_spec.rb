# frozen_string_literal: true

RSpec.describe Tasker do
  def constants_below(owner)
    owner.constants.map { |constant| owner.const_get(constant) }
         .flat_map { |value| value.is_a?(Module) ? constants_below(value) : value }
  end

  groups = {
    'Constants::TaskEvents' => %w[
      task.initialize_requested task.start_requested task.completed task.failed task.retry_requested task.cancelled
      task.resolved_manually task.before_transition
    ],
    'Constants::StepEvents' => %w[
      step.initialize_requested step.execution_requested step.before_handle step.handle step.completed step.failed
      step.retry_requested step.cancelled step.resolved_manually step.before_transition
    ],
    'Constants::WorkflowEvents' => %w[
      workflow.task_started workflow.task_completed workflow.task_failed workflow.step_completed workflow.step_failed
      workflow.viable_steps_discovered workflow.no_viable_steps workflow.orchestration_requested
      workflow.task_finalization_started workflow.task_finalization_completed workflow.task_reenqueue_started
      workflow.task_reenqueue_requested workflow.task_reenqueue_failed workflow.task_reenqueue_delayed
      workflow.task_state_unclear workflow.step_execution_failed workflow.viable_steps_batch_ready
      workflow.steps_execution_started workflow.steps_execution_completed
    ],
    'Constants::ObservabilityEvents::Task' => %w[
      observability.task.handle observability.task.enqueue observability.task.finalize
    ],
    'Constants::ObservabilityEvents::Step' => %w[
      observability.step.handle observability.step.find_viable observability.step.backoff observability.step.skip
      observability.step.max_retries_reached
    ],
    'Telemetry::Events::ExportEvents' => %w[
      tasker.telemetry.cache_synced tasker.telemetry.export_requested tasker.telemetry.export_completed
      tasker.telemetry.export_failed tasker.telemetry.plugin_registered tasker.telemetry.plugin_unregistered
    ]
  }

  groups.each do |module_path, names|
    it "has a constant in #{module_path} for each of its events: the upcased tail of the name" do
      owner = described_class.const_get(module_path)
      expected = names.to_h { |name| [name.split('.').last.upcase.to_sym, name] }

      expect(owner.constants.to_h { |constant| [constant, owner.const_get(constant)] }).to eq(expected)
    end
  end

  it 'has constants for the events of tests' do
    expect(described_class::Constants::TestEvents).to have_attributes(
      constants: contain_exactly(:BASIC_EVENT, :TEST_EVENT, :SLOW_EVENT, :CUSTOM_EVENT, :TEST_DOT_EVENT)
    )
    expect(described_class::Constants::TestEvents::BASIC_EVENT).to eq('test.event')
    expect(described_class::Constants::TestEvents::TEST_EVENT).to eq('test.event')
    expect(described_class::Constants::TestEvents::SLOW_EVENT).to eq('slow.event')
    expect(described_class::Constants::TestEvents::CUSTOM_EVENT).to eq('custom.event')
    expect(described_class::Constants::TestEvents::TEST_DOT_EVENT).to eq('Test.Event')
  end

  it 'knows the 55 system events from the start, and no other' do
    events = Tasker::Telemetry.constants.grep(/Events\z/).map { |name| Tasker::Telemetry.const_get(name) }
    names = [Tasker::Constants, *events].flat_map { |owner| constants_below(owner) }

    expect(names.uniq.size).to eq(55)
    expect(Class.new(Tasker::Native::Publisher).new.event_names).to match_array(names.uniq)
  end

  it 'has one publisher for the whole app' do
    first = described_class::Events::Publisher.instance

    expect(described_class::Events::Publisher.instance).to be(first)
    expect { described_class::Events::Publisher.new }.to raise_error(NoMethodError, /private method/)
  end
end
