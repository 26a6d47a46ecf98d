# frozen_string_literal: true

require_relative '../support/torture'

# Each example is a process of its own, with the extension compiled under ASan and UBSan: a crash is a failure that
# tells what happened. TORTURE_FACTOR=10 makes them ten times longer.
RSpec.describe 'The extension, tortured', :slow do
  include Torture

  it 'survives every function being called in every wrong way' do
    expect(torture('exported_functions', amount: 40, timeout: 200)).to survive
  end

  it 'masks, limits and delivers payloads that nobody would write by hand' do
    expect(torture('payloads', amount: 5000)).to survive
  end

  it 'bears that any allocation of the core fails' do
    expect(torture('allocations')).to survive
  end

  it 'hears and delivers all that eight threads publish, whoever comes and goes' do
    expect(torture('threads', amount: 3)).to survive
  end

  it 'bears that a publication is cut off in the middle' do
    expect(torture('interruptions', amount: 3)).to survive
  end

  it 'bears that whatever it calls comes back to it' do
    expect(torture('reentry', amount: 4)).to survive
  end

  it 'bears that garbage is collected at every allocation' do
    expect(torture('garbage', 'stress', amount: 8)).to survive
  end

  it 'bears that objects are moved whenever garbage is collected' do
    expect(torture('garbage', 'auto_compact', amount: 30)).to survive
  end

  it 'holds no reference to where an object was before it was moved' do
    expect(torture('garbage', 'verify', amount: 20)).to survive
  end

  { 'stress' => 1, 'auto_compact' => 20, 'verify' => 3 }.each do |mode, amount|
    it "gives out what it was given, while application code collects garbage in the middle (#{mode})" do
      expect(torture('collected', mode, amount: amount)).to survive
    end
  end

  %w[use_after_free overflow].each do |fault|
    it "is watched by a sanitizer that finds a planted #{fault.tr('_', ' ')}" do
      result = torture('planted', fault)
      expect(result.status).not_to be_success
      expect(result.err).to match(/AddressSanitizer: heap-(use-after-free|buffer-overflow)/)
    end
  end

  { 'secret' => 'a secret', 'unsealed' => 'what is recorded' }.each do |way, what|
    it "is watched by seals that find what did not pass the filter: #{what}" do
      result = torture('leaking', way, sanitized: false,
                                       env: { 'TASKER_TORTURE_EXTENSION' => TortureExtension.leaking })
      expect(result.status).to be_signaled
      expect(result.err).to include("seal: #{what} did not come from the filter")
    end
  end

  it 'is watched by a count of allocations that finds a planted leak' do
    result = torture('planted', 'leak')
    expect(result.status).not_to be_success
    expect(result.err).to include('1 allocation is left')
  end
end
