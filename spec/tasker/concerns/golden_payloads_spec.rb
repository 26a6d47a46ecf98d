# frozen_string_literal: true

require_relative '../../support/concern_calls'
require_relative '../../support/concern_differences'
require_relative '../../support/golden_models'

# What we publish, beside what tasker-engine 0.1.0 published for the same calls (rake golden:record): a booted app's,
# with records from PostgreSQL. Ours gets plain objects with the same values.
RSpec.describe Tasker::Concerns::EventPublisher do
  let(:recorded) { ConcernCalls.recorded }
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
      expected = theirs[:payload] && without_zones(theirs[:payload]).merge(CONCERN_DIFFERENCES.fetch(call, {}))

      expect(ours[call]).to eq(event: theirs[:event], payload: expected)
    end
  end

  it 'has no difference that is none' do
    none = CONCERN_DIFFERENCES.select { |call, difference| recorded[:calls][call][:payload] >= difference }

    expect(none).to eq({})
  end
end
