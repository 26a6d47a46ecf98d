# frozen_string_literal: true

require_relative '../../support/concern_calls'

# What we publish, beside what tasker-engine 0.1.0 publishes for the same calls (rake golden:record).
RSpec.describe Tasker::Concerns::EventPublisher do
  let(:recorded) { ConcernCalls.recorded }
  # What is different on purpose: upstream's defects, and what we have beyond it.
  let(:differences) do
    {
      'publish_step_failed, with its error' => { 'exception_class' => 'ArgumentError' }, # not always StandardError
      'publish_step_completed, end of an earlier attempt' => { 'execution_duration' => 0.0 }, # not less than nothing
      'publish_task_completed, all steps complete' => { 'execution_duration' => 11.235 } # under its common name, too
    }
  end
  let(:published) do
    [].tap do |published|
      publisher.event_names.each do |name|
        publisher.subscribe(name) { |event| published << [event.id, event.payload] }
      end
    end
  end
  let(:ours) { ConcernCalls.new(host, published).results }

  it 'is compared for every call that was recorded' do
    expect(ours.keys).to eq(recorded.keys)
    expect(recorded.size).to be > 70
  end

  ConcernCalls.recorded.each do |call, theirs|
    it "publishes as upstream does: #{call}" do
      expected = { **theirs, 'payload' => theirs['payload'].merge(differences.fetch(call, {})) }

      expect(ours[call]).to eq(expected)
    end
  end

  it 'has no difference that is none' do
    none = differences.select { |call, difference| recorded[call]['payload'] >= difference }

    expect(none).to eq({})
  end
end
