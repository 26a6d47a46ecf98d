# frozen_string_literal: true

require_relative 'support/chaos'

# rake chaos MINUTES=10 does it for long.
RSpec.describe 'Chaos' do
  it 'loses nothing that was acknowledged, breaks nothing, and sends twice only under the same key' do
    result = Chaos.new(seconds: 12, seed: RSpec.configuration.seed).run

    expect(result.violations).to be_empty
    expect(result.figures).to include(acknowledged: be > 100, kill_producer: be_positive, kill_receiver: be_positive)
  end

  describe 'when it looks for what is wrong' do
    def violations(acknowledged, *requests)
      Chaos::Check.new(acknowledged, requests).violations
    end

    def request(key, *ids, unknown: 0)
      { key: key, ids: ids, unknown: unknown }
    end

    it 'is content with what came twice under a key' do
      expect(violations(%w[a b], request('1', 'a', 'b'), request('1', 'a', 'b'), request('2', 'c'))).to be_empty
    end

    it 'finds a span that was acknowledged and did not arrive' do
      expect(violations(%w[a b], request('1', 'a'))).to eq(['1 spans were acknowledged and never arrived: b'])
    end

    it 'finds a span that came under two keys' do
      expect(violations(%w[a], request('1', 'a'), request('2', 'a'))).to eq(['1 spans came under two keys: a'])
    end

    it 'finds a request that is broken' do
      expect(violations([], { error: 'no protobuf' }, request('1', 'a', unknown: 3)))
        .to eq(['2 requests were broken: no protobuf; 3 unknown bytes'])
    end
  end
end
