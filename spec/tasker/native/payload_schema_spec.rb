# frozen_string_literal: true

RSpec.describe Tasker::Native::PayloadSchema do
  def errors(type, value, required: true)
    described_class.new({ field: { type: type, required: required } }).errors({ field: value })
  end

  {
    'String' => ['text', 5], 'Symbol' => [:text, 'text'], 'Integer' => [5, 5.0], 'Float' => [5.5, '5.5'],
    'Boolean' => [false, 'false'], 'Array' => [[], {}], 'Hash' => [{}, []], 'Time' => [Time.now, 5],
    'Array<String>' => [%w[a b], ['a', 5]], 'Array<Array<Integer>>' => [[[1], []], [1]],
    'Integer | String' => ['a', 1.5]
  }.each do |type, (good, bad)|
    it "knows a #{type}" do
      expect(errors(type, good)).to be_empty
      expect(errors(type, bad)).to eq(["field is a #{bad.class}, not #{type}"])
    end
  end

  it 'takes an Integer for a Float, and anything for an Object' do
    expect(errors('Float', 5)).to be_empty
    expect([5, 'a', [], Object.new].map { |value| errors('Object', value) }).to all(be_empty)
  end

  it 'takes ISO 8601 for a Time, and no other text' do
    good = ['2026-01-02T03:04:05Z', '2026-01-02T03:04:05.678+05:30', '2026-01-02 03:04']

    expect(good.map { |text| errors('Time', text) }).to all(be_empty)
    expect(errors('Time', 'yesterday')).to eq(['field is a String, not Time'])
  end

  it 'wants what is required, and lets the rest be missing' do
    expect(errors('String', nil)).to eq(['field is missing'])
    expect(errors('String', nil, required: false)).to be_empty
  end

  it 'takes keys that are Strings, and more keys than it knows' do
    schema = described_class.new({ field: { type: 'String', required: true } })

    expect(schema.errors({ 'field' => 'a', 'more' => 5 })).to be_empty
  end

  it 'shows no value' do
    expect(errors('Integer', 'secret').first).not_to include('secret')
  end

  it 'refuses a type that there is not' do
    ['Strnig', '', nil, 'Array<Foo>', 'Array<Integer | String>', 'String |', 5].each do |type|
      expect { errors(type, 'a') }.to raise_error(ArgumentError, /field has no type, or one that there is not/)
    end
    expect { described_class.new({ field: 'String' }) }.to raise_error(ArgumentError)
  end
end
