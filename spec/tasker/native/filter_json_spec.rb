# frozen_string_literal: true

require 'json'

# What Ruby writes itself goes through this; what it masks is compared with the reference in filter_property_spec.rb.
RSpec.describe 'Fields that become JSON' do
  let(:filter) { telemetry.native_filter }
  let(:mask) { '[FILTERED]' }

  def json(fields)
    JSON.parse(filter.json(fields), symbolize_names: true)
  end

  before { configure(filter_parameters: [:card, /\Apin\z/]) }

  it 'makes plain data of anything' do
    data = { a: nil, 'b' => true, c: 1, d: 1.5, e: Float::NAN, f: :symbol, g: 10**30, h: [Object],
             i: Time.at(0, 5, :millisecond).utc, j: Time.at(0, in: '+02:00'), 5 => 6 }

    expect(json(data))
      .to eq(a: nil, c: 1, d: 1.5, e: 'NaN', f: 'symbol', g: (10**30).to_s, h: ['Object'],
             i: '1970-01-01T00:00:00.005Z', j: '1970-01-01T02:00:00.000+02:00', '5': 6, b: true)
  end

  it 'makes valid UTF-8 of every text' do
    texts = ['grüße'.b, "\xFF", "a\0b", 'grü'.encode('UTF-16LE'), (+"\xE9").force_encoding('ISO-8859-1')]
    expect(json(texts: texts)).to eq(texts: ['grüße', "\uFFFD", "a\0b", 'grü', 'é'])
  end

  it 'says so where to_s raises' do
    expect(json(one: Class.new { def to_s = raise('no') }.new)[:one]).to match(/#<.*Class.* whose to_s raised>/)
  end

  it 'leaves its argument as it is' do
    payload = { card: 1, list: [{ 'pin' => 2 }] }
    expect(json(payload)).to eq(card: mask, list: [{ pin: mask }])
    expect(payload).to eq(card: 1, list: [{ 'pin' => 2 }])
  end

  describe 'what can not be judged' do
    it 'is masked and counted: keys that are no text, or too long' do
      nameless = Class.new { def to_s = raise('no') }.new
      wrong = Class.new { def to_s = 5 }.new
      values = json({ "\xFF" => 1, ('x' * 2000) => 2, nameless => 3, wrong => 4 }).values

      expect(values).to eq([mask] * 4)
      expect(filter.stats[:masked_unjudged]).to eq(4)
    end

    it 'is masked and counted: a cycle, and what lies deeper than 100' do
      cycle = { a: 1 }
      cycle[:b] = [cycle]
      deep = Array.new(200).inject(1) { |inner, _| [inner] }

      expect(json(cycle)).to eq(a: 1, b: [mask])
      expect(json(deep: deep)[:deep].flatten).to eq([mask])
      expect(filter.stats[:masked_unjudged]).to eq(2)
    end

    it 'is masked and counted: a Regexp that raises' do
      raising = Class.new(Regexp) { def match?(*) = raise('no') }
      configure(filter_parameters: [raising.new('x')])

      expect(json(kind: 1)).to eq(kind: mask)
      expect(filter.stats[:masked_unjudged]).to eq(1)
    end
  end

  it 'masks everything for too many filters, as the core does' do
    [Array.new(1001, 'x'), ['x' * 40_000]].each do |filters|
      made = nil
      expect do
        configure(filter_parameters: filters)
        made = telemetry.native_filter
      end.to output(/every value is masked/).to_stderr
      expect(made.json({ kind: 1, list: [{ a: 2 }] })).to eq('{"kind":"[FILTERED]","list":"[FILTERED]"}')
    end
  end

  it 'masks by paths, through Arrays and beyond ASCII, and what lies too deep to tell' do
    configure(filter_parameters: ['card.number', /größe\.ort/i])
    name = 'n' * 1000

    expect(json(attempt_number: 1, cards: [{ number: 2 }, { 'CARD' => [[{ Number: 3, kind: 4 }]] }],
                GRÖSSE: { ort: 5, tag: { ort: 6 } }))
      .to eq(attempt_number: 1, cards: [{ number: 2 }, { CARD: [[{ Number: mask, kind: 4 }]] }],
             GRÖSSE: { ort: mask, tag: { ort: 6 } })
    expect(json({ name => { name => { name => { name => { name => 1 } } } } }).to_s).to include(mask)
    expect(filter.stats[:masked_unjudged]).to eq(1)
  end

  it 'follows the settings' do
    expect(Tasker::Native.runtime.filter.json({ card: 1, other: 2 })).to eq('{"card":"[FILTERED]","other":2}')
    configure(filter_parameters: [:other], filter_mask: '*')
    expect(Tasker::Native.runtime.filter.json({ card: 1, other: 2 })).to eq('{"card":1,"other":"*"}')
  end

  it 'remembers a bounded number of verdicts' do
    json(Array.new(11_000) { |number| ["key#{number}", 1] }.to_h)
    expect(json('card_number' => 1, 'key3' => 2)).to eq(card_number: mask, key3: 2)
  end
end
