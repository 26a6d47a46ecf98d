# frozen_string_literal: true

require 'active_support'
require 'active_support/core_ext/hash/indifferent_access'
require 'active_support/core_ext/time'
require 'bigdecimal'
require 'date'
require 'json'
require 'set'
require_relative '../../support/records'

# What becomes of the values that handlers put into payloads.
RSpec.describe 'A payload' do
  # The value as it was exported.
  def exported(value)
    span_of(value: value).attributes.fetch('tasker.value')
  end

  # The nested value as it was exported, parsed.
  def nested(value)
    JSON.parse(exported(value), max_nesting: 200)
  end

  def tagged(bytes, encoding)
    bytes.dup.force_encoding(encoding)
  end

  def hostile(&to_s)
    Class.new { define_method(:to_s, &to_s) }.new
  end

  let(:mask) { '[FILTERED]' }

  describe 'with scalar values' do
    {
      'text' => ['fünf €', 'fünf €'], 'no text' => ['', ''], 'a Symbol' => %w[done done], 'true' => [true, true],
      'false' => [false, false], 'zero' => [0, 0], 'an Integer' => [42, 42], 'a Float' => [-1.5, -1.5],
      'the largest Integer of 64 bits' => [(2**63) - 1, (2**63) - 1],
      'the smallest Integer of 64 bits' => [-(2**63), -(2**63)],
      'an Integer of more than 64 bits' => [2**63, '9223372036854775808'],
      'a negative Integer of more than 64 bits' => [-(2**70), (-(2**70)).to_s],
      'infinity' => [Float::INFINITY, Float::INFINITY], 'minus infinity' => [-Float::INFINITY, -Float::INFINITY],
      'the smallest Float' => [Float::MIN, Float::MIN], 'a Float that is hard to write' => [0.1 + 0.2, 0.1 + 0.2],
      'a Rational' => [Rational(1, 3), '1/3'], 'a Complex' => [Complex(1, 2), '1+2i'], 'a Range' => [1..3, '1..3'],
      'a Regexp' => [/a+/, '(?-mix:a+)'], 'a Class' => [Comparable, 'Comparable']
    }.each do |what, (value, expected)|
      it "has #{what} as #{expected.inspect}" do
        expect(exported(value == 'done' ? :done : value)).to eql(expected)
      end
    end

    it 'has NaN as NaN' do
      expect(exported(Float::NAN)).to be_nan
    end

    it 'leaves nil out' do
      expect(span_of(value: nil).attributes).not_to have_key('tasker.value')
    end

    it 'has a BigDecimal as its text' do
      expect(exported(BigDecimal('123456789012345678901234567890.5')))
        .to eq(BigDecimal('123456789012345678901234567890.5').to_s)
    end

    it 'describes an Integer that would take pages' do
      expect(exported(3**100_000)).to eq('#<Integer of 19813 bytes>')
    end

    it 'has ids as Strings, whatever they are' do
      span = span_of(order_id: 5, id: 2**65, step_id: 21, identity: 7, nested: { order_id: 5 })

      expect(span.attributes).to include('tasker.order_id' => '5', 'tasker.id' => (2**65).to_s,
                                         'tasker.step_id' => '21', 'tasker.identity' => 7)
    end
  end

  describe 'with times' do
    it 'has a Time as ISO 8601 with milliseconds' do
      expect(exported(Time.utc(2026, 1, 2, 3, 4, 5.6789r))).to eq('2026-01-02T03:04:05.678Z')
    end

    it 'keeps the zone of a Time' do
      expect(exported(Time.new(2026, 1, 2, 3, 4, 5, '-03:30'))).to eq('2026-01-02T03:04:05.000-03:30')
    end

    it "has ActiveSupport's times as any, in their zone" do
      zone = ActiveSupport::TimeZone['Europe/Berlin']

      expect(exported(zone.local(2026, 7, 1, 12))).to eq('2026-07-01T12:00:00.000+02:00')
      expect(nested([zone.local(2026, 1, 1, 12, 0, 0.25r)])).to eq(['2026-01-01T12:00:00.250+01:00'])
    end

    it 'has dates and other times as ISO 8601' do
      span = span_of(date: Date.new(2026, 1, 2), datetime: DateTime.new(2026, 1, 2, 3, 4, 5))

      expect(span.attributes).to include('tasker.date' => '2026-01-02',
                                         'tasker.datetime' => '2026-01-02T03:04:05+00:00')
    end

    it 'has times in nested values the same way' do
      expect(nested([Time.utc(2026),
                     { on: Date.new(2026) }])).to eq(['2026-01-01T00:00:00.000Z', { 'on' => '2026-01-01' }])
    end
  end

  describe 'with text in other encodings' do
    it 'relabels valid UTF-8 that is tagged binary' do
      expect(exported('fünf €'.b)).to eq('fünf €')
    end

    it 'replaces what is no UTF-8' do
      expect(exported("a\xFFb\xE2\x82")).to match(/\Aa\u{FFFD}b\u{FFFD}+\z/)
      expect(exported("\xFF\xD8".b).scrub).to match(/\A\u{FFFD}+\z/)
    end

    it 'converts UTF-16, UTF-32, Latin-1 and Shift_JIS' do
      %w[UTF-16LE UTF-16BE UTF-32LE ISO-8859-1].each do |encoding|
        expect(exported('fünf'.encode(encoding))).to eq('fünf')
      end
      expect(exported('日本'.encode('Shift_JIS'))).to eq('日本')
    end

    it 'replaces what is invalid in them' do
      span = span_of(odd: tagged("a\0b", 'UTF-16LE'), bad: tagged("\xFFa", 'EUC-JP'))

      expect(span.attributes).to include('tasker.odd' => "a\u{FFFD}", 'tasker.bad' => "\u{FFFD}a")
    end

    it 'describes text that nobody can convert' do
      expect(exported(tagged('+AGE-', 'UTF-7'))).to match(/\A#<String.*>\z/)
    end

    it 'converts text in nested values, and in keys' do
      key = 'größe'.encode('UTF-16LE')

      expect(nested(key => ['ä'.encode('ISO-8859-1'), "\xFF"])).to eq('größe' => ['ä', "\u{FFFD}"])
      expect(span_of(key => 1).attributes).to include('tasker.größe' => 1)
    end

    it 'masks what stands under a key that is no text, and counts it' do
      before = stats[:filter][:masked_unjudged]
      span = span_of("pass\xFFword" => 'secret', tagged("\xD8", 'UTF-16LE') => 'secret',
                     nested: { "\xFF" => 'secret', 'fine' => 1 })

      expect(span.attributes.values.grep(/secret/)).to be_empty
      expect(span.attributes).to include("tasker.pass\u{FFFD}word" => mask)
      expect(JSON.parse(span.attributes['tasker.nested'])).to eq("\u{FFFD}" => mask, 'fine' => 1)
      expect(stats[:filter][:masked_unjudged]).to be >= before + 3
    end

    it 'masks what stands under a key that nobody can convert' do
      key = tagged('password', 'UTF-7')

      expect(span_of(key => 'secret', nested: { key => 'secret' }).attributes.values.grep(/secret/)).to be_empty
    end
  end

  describe 'with objects' do
    it 'has an object as its to_s' do
      expect(exported(hostile { 'me' })).to eq('me')
    end

    it 'describes an object whose to_s raises, whatever it raises' do
      [RuntimeError, NotImplementedError, NoMemoryError, SystemStackError].each do |error|
        stub_const('Grumpy', Class.new { define_method(:to_s) { raise error, 'no' } })
        expect(exported(Grumpy.new)).to eq('#<Grumpy whose to_s raised>')
      end
    end

    it 'describes an object whose to_s gives no String' do
      stub_const('Silent', Class.new { def to_s = nil })
      expect(exported(Silent.new)).to start_with('#<Silent')
    end

    it 'describes a BasicObject' do
      stub_const('Bare', Class.new(BasicObject))
      expect(exported(Bare.new)).to start_with('#<Bare')
    end

    it 'describes a BasicObject that answers everything with itself' do
      mirror = Class.new(BasicObject) { define_method(:method_missing) { |*| self } }
      stub_const('Mirror', mirror)
      expect(exported(Mirror.new)).to start_with('#<Mirror')
      expect(nested([Mirror.new]).first).to start_with('#<Mirror')
    end

    it 'bounds and converts what to_s gives' do
      expect(exported(hostile { 'ü'.encode('UTF-16LE') })).to eq('ü')
      expect(exported(hostile { 'x' * 1_000_000 }).bytesize).to be <= 65_536
    end

    it 'has a Set, a Struct and a Proc as their to_s' do
      values = { set: Set[1], struct: Struct.new(:a).new(1), proc: proc {} }
      span = span_of(values)

      expect(span.attributes).to include(values.to_h { |key, value| ["tasker.#{key}", value.to_s] })
    end

    it 'has a record as its to_s, without what is in it' do
      record = Records::StepRecord.new(name: 'very private', results: { a: 'very private' })

      expect(exported(record)).to match(/\A#<Records::StepRecord:0x\h+>\z/)
      expect(exported([record])).not_to include('private')
    end

    it 'survives a to_s that publishes, flushes, collects garbage and changes settings' do
      busy = hostile do
        Tasker::Events::Publisher.instance.publish('test.event', deeper: Object.new)
        Tasker::Native.flush
        GC.start
        GC.compact if GC.respond_to?(:compact)
        Tasker.configuration.telemetry.filter_mask = '***'
        'busy'
      end

      expect(span_of(a: 1, value: busy, password: 'x').attributes)
        .to include('tasker.a' => 1, 'tasker.value' => 'busy', 'tasker.password' => '[FILTERED]')
    end
  end

  describe 'with nested values' do
    it 'has a Hash or an Array as JSON' do
      expect(exported({ a: [1, nil, true, 'ä"', 2.5, :b, {}, []], 'c' => { 5 => 2**70 } }))
        .to eq('{"a":[1,null,true,"ä\"",2.5,"b",{},[]],"c":{"5":"1180591620717411303424"}}')
    end

    it 'writes JSON that can be read, whatever Floats are in it' do
      expect(nested([Float::NAN, Float::INFINITY, -Float::INFINITY, 1e300, -0.0]))
        .to eq(['NaN', 'Infinity', '-Infinity', 1e300, -0.0])
    end

    it 'masks a cycle, and counts it' do
      hash = { name: 'a', list: [] }
      hash[:list] << hash
      hash[:self] = hash
      before = stats[:filter][:masked_unjudged]

      expect(nested(hash)).to eq('name' => 'a', 'list' => [mask], 'self' => mask)
      expect(stats[:filter][:masked_unjudged]).to eq(before + 2)
    end

    it 'has one object at two places twice: that is no cycle' do
      shared = { a: 1 }

      expect(nested([shared, shared])).to eq([{ 'a' => 1 }] * 2)
    end

    it 'masks what is nested too deeply' do
      deep = (1..20_000).inject('secret') { |inner, number| number.even? ? { a: inner } : [inner] }
      text = exported(deep)

      expect(text).to include(mask)
      expect(text).not_to include('secret')
      expect(JSON.parse(text, max_nesting: 101)).to be_a(Hash)
    end

    it 'survives a payload that contains itself' do
      payload = { task_id: 1, step_id: 2 }
      payload[:payload] = payload
      publish('step.completed', payload)

      expect(only_span.attributes['tasker.payload']).to include('"task_id":1', "\"payload\":\"#{mask}\"")
    end

    it 'cuts JSON that is too long, and says so' do
      text = exported((1..100_000).to_a)

      expect(text).to start_with('[1,2,3,').and end_with('... [truncated]')
      expect(text.bytesize).to be <= 65_536
    end
  end

  describe 'that is large' do
    it 'cuts a String of 100 MB, says so, and does it fast' do
      huge = 'ä' * 52_428_800
      took = seconds { publish('step.completed', task_id: 1, step_id: 2, value: huge) }
      text = only_span.attributes['tasker.value']

      expect(text).to end_with('... [truncated, 104857600 bytes]').and start_with('äää')
      expect(text).to be_valid_encoding
      expect(text.bytesize).to be_between(65_000, 65_536)
      expect(took).to be < 0.5
    end

    it 'is cut where the limit is that small, times as well' do
      configure(exporter: :memory, span_attribute_value_length_limit: 10)
      times = { at: Time.utc(2026, 1, 2), local: Time.new(2026, 1, 2, 0, 0, 0, '+02:00') }

      expect(span_of(times).attributes.values_at('tasker.at', 'tasker.local', 'tasker.timestamp').map(&:size))
        .to all(be <= 10)
    end

    it 'cuts an Array of millions, fast' do
      huge = Array.new(3_000_000, 'x')

      expect(seconds { publish('step.completed', task_id: 1, step_id: 2, value: huge) }).to be < 0.5
      expect(only_span.attributes['tasker.value'].bytesize).to be <= 65_536
    end

    it 'keeps the first 128 attributes of 10,000 and counts the others' do
      span = span_of((0...10_000).to_h { |number| ["key#{number}", number] })

      expect(span.attributes.size).to eq(128)
      expect(span.attributes).to include('tasker.key0' => 0, 'tasker.key100' => 100)
      expect(span.dropped_attributes_count).to eq(10_002 + 1 - 128)
    end

    it 'bounds a payload as a whole' do
      publish('step.completed', task_id: 1, step_id: 2, **(1..50).to_h { |number| [:"key#{number}", 'x' * 60_000] })

      expect(only_span.attributes.values.sum { |value| value.to_s.bytesize }).to be <= 256 * 1024
      expect(only_span.dropped_attributes_count).to be_positive
    end

    it 'cuts a key that is too long, and masks its value: who knows how it ended' do
      attributes = span_of("#{'k' * 5_000}password" => 'secret', nested: { "#{'k' * 5_000}password" => 'secret' })
                   .attributes

      expect(attributes.keys.map(&:bytesize)).to all(be <= 1_100)
      expect(attributes.values.grep(/secret/)).to be_empty
    end
  end

  describe 'with keys that are no text' do
    it 'has them as their to_s' do
      span = span_of(5 => 'integer', nil => 'nil', '' => 'empty', hostile { 'me' } => 'object', 1.5 => 'float')

      expect(span.attributes).to include('tasker.5' => 'integer', 'tasker.' => 'empty', 'tasker.me' => 'object',
                                         'tasker.1.5' => 'float')
    end

    it 'masks what stands under a key whose to_s raises' do
      span = span_of(hostile { raise 'no' } => 'secret', nested: { hostile { raise 'no' } => 'secret' })

      expect(span.attributes.values.grep(/secret/)).to be_empty
    end

    it 'takes the last of two keys with the same name' do
      expect(span_of('a' => 1, a: 2).attributes).to include('tasker.a' => 2)
    end
  end

  describe 'as a special Hash' do
    it 'may be frozen' do
      publish('step.completed', { task_id: 1, step_id: 2, list: [1].freeze }.freeze)
      expect(only_span.attributes).to include('tasker.list' => '[1]')
    end

    it 'is never asked for what it does not have' do
      payload = Hash.new { |_, key| raise "asked for #{key}" }
      events = listen('step.completed')
      publish('step.completed', payload.merge!(task_id: 1, step_id: 2))

      expect(only_span.attributes).to include('tasker.task_id' => '1')
      expect(events.first.payload.keys).to contain_exactly(:task_id, :step_id, :timestamp)
    end

    it 'may be a HashWithIndifferentAccess, or another subclass' do
      publish('step.completed', { task_id: 1, step_id: 2, nested: { token: 'x' } }.with_indifferent_access)
      publish('step.completed', Class.new(Hash).new.merge!(task_id: 1, step_id: 3))

      expect(step_spans.map { |span| span.attributes['tasker.step_id'] }).to eq(%w[2 3])
      expect(step_spans.first.attributes['tasker.nested']).to eq('{"token":"[FILTERED]"}')
    end

    it 'may compare by identity' do
      payload = {}.compare_by_identity
      payload[+'task_id'] = 1
      payload[+'step_id'] = 2
      publish('step.completed', payload)

      expect(only_span.attributes).to include('tasker.step_id' => '2')
    end

    it 'may be changed by the to_s of its values while it is walked' do
      payload = { task_id: 1, step_id: 2 }
      payload[:remover] = hostile { payload.delete(:later) && 'removed' }
      payload[:adder] = hostile { payload[:new] = 'new' }
      payload[:clearer] = hostile { payload.clear && 'cleared' }
      payload[:replacer] = hostile { payload.replace(z: 1) && 'replaced' }
      payload[:later] = 'later'
      publish('step.completed', payload)

      expect(only_span.attributes).to include('tasker.remover' => 'removed')
      expect(only_span.attributes.values).not_to include('later')
    end

    it 'may have an Array that is changed while it is walked' do
      list = Array.new(1_000, 'x')
      list[5] = hostile { list.clear && 'gone' }

      expect(nested(list)).to eq(%w[x x x x x gone])
    end
  end

  it 'hands every one of these to listeners as it is' do
    values = [Object.new, "\xFF", 2**70, BasicObject.new, 'x' * 1_000_000]
    events = listen('step.completed')
    publish('step.completed', task_id: 1, step_id: 2, values: values)

    expect(events.first[:values]).to be(values)
  end
end
