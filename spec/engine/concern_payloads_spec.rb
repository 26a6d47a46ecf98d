# frozen_string_literal: true

require_relative '../../rakelib/golden/engine_records'
require_relative '../support/concern_calls'
require_relative '../support/concern_differences'

# What we publish beside the engine, for the calls and the records of which it has recorded what it published alone
# (rake golden:record).
RSpec.describe 'What the concern publishes, beside what the engine alone has published' do
  let(:recorded) { ConcernCalls.recorded }
  let(:attempts) do
    steps = recorded[:records].each_value.flat_map { |task| task[:workflow_steps].values }
    steps.to_h { |step| [step[:workflow_step_id], step[:attempts].to_i] }
  end

  def ours
    published = []
    publisher.subscribe('*') { |event| published << [event.id, event.payload] }
    ConcernCalls.new(Tasker::Orchestration::TaskFinalizer.new, published, EngineRecords.new).results
  end

  def expected_of(call, theirs)
    payload = theirs[:payload] or return theirs

    differences = { **next_number(theirs), **without_parents(payload), **CONCERN_DIFFERENCES.fetch(call, {}) }
    { **theirs, payload: { **payload, **differences } }
  end

  # Before a handler is through, the engine tells the number of the attempt before.
  def next_number(theirs)
    return {} unless %w[step.execution_requested step.before_handle].include?(theirs[:event])

    { attempt_number: attempts.fetch(theirs[:payload][:step_id]) + 1 }
  end

  # They would have to be looked up.
  def without_parents(payload)
    payload[:step_dependencies].to_a.include?('fetch_cart') ? { step_dependencies: [] } : {}
  end

  it 'is the same for every call, but for what is different on purpose' do
    expect(ours).to eq(recorded[:calls].to_h { |call, theirs| [call, expected_of(call, theirs)] })
  end
end
