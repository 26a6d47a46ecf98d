# frozen_string_literal: true

require_relative '../../support/concern_calls'
require_relative '../../support/golden_models'

# What we publish, beside what tasker-engine 0.1.0 published for the same calls (rake golden:record): a booted app's,
# with records from PostgreSQL. Ours gets plain objects with the same values.
RSpec.describe Tasker::Concerns::EventPublisher do
  let(:recorded) { ConcernCalls.recorded }
  # What is different on purpose: upstream's defects, and what we have beyond it.
  let(:differences) do
    {
      'publish_step_failed, with its error' => { exception_class: 'ArgumentError' }, # not always StandardError
      'publish_step_completed, end of an earlier attempt' => { execution_duration: 0.0 }, # not less than nothing
      # Under its common name, too.
      'publish_task_completed, all steps complete' => { execution_duration: 11.235 },
      'publish_task_completed, as the finalizer does' => { execution_duration: 11.235 },
      # The caller's context wins everywhere, over a method's own arguments, too.
      'publish_task_enqueue, with context' => { task_context: 'own' },
      'publish_no_viable_steps, context against argument' => { task_id: 8 },
      'publish_step_backoff, context against argument' => { step_name: 'own' },
      'publish_step_failed, context against argument' => { error_message: 'own', exception_class: 'ArgumentError' },
      'publish_task_reenqueue_requested, context against argument' => { task_name: 'own', timestamp: 'own' }
    }
  end
  let(:published) do
    [].tap do |published|
      publisher.event_names.each do |name|
        publisher.subscribe(name) { |event| published << [event.id, event.payload] }
      end
    end
  end
  let(:ours) { ConcernCalls.new(host, published, GoldenModels.new(recorded[:records])).results }

  # ActiveSupport's time is the same moment, in the zone of the app.
  def without_zones(payload)
    payload.transform_values { |value| value == 'ActiveSupport::TimeWithZone' ? 'Time' : value }
  end

  it 'is compared for every call that was recorded' do
    expect(ours.keys).to eq(recorded[:calls].keys)
    expect(ours.size).to be > 80
  end

  ConcernCalls.recorded[:calls].each do |call, theirs|
    it "publishes as upstream does: #{call}" do
      expected = theirs[:payload] && without_zones(theirs[:payload]).merge(differences.fetch(call, {}))

      expect(ours[call]).to eq(event: theirs[:event], payload: expected)
    end
  end

  it 'has no difference that is none' do
    none = differences.select { |call, difference| recorded[:calls][call][:payload] >= difference }

    expect(none).to eq({})
  end
end
