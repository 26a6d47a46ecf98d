# frozen_string_literal: true

require 'tmpdir'
require_relative '../../../lib/tasker/native/trace_file'
require_relative '../../support/otlp_json_spans'

RSpec.describe Tasker::Native::TraceFile do
  include OtlpJsonSpans

  let(:directory) { Dir.mktmpdir }

  after { FileUtils.remove_entry(directory) }

  def file_of(*lines)
    path = File.join(directory, 'traces.jsonl')
    File.binwrite(path, lines.map { |line| "#{line}\n" }.join)
    described_class.new(path)
  end

  def span_of(**fields)
    file_of(otlp_line(otlp_span('span', **fields))).first
  end

  def attributes_of(values)
    span_of(attributes: values).attributes
  end

  it 'reads a span as it was recorded' do
    event = { 'name' => 'step.failed', 'timeUnixNano' => '1760000000000000007', 'droppedAttributesCount' => 2,
              'attributes' => [{ 'key' => 'code', 'value' => { 'intValue' => '503' } }] }
    link = { 'traceId' => 'AB' * 16, 'spanId' => 'CD' * 8, 'flags' => 257, 'traceState' => 'a=b' }
    span = span_of(id: 2, parent: 1, from: 0, to: 250, kind: 3, attributes: { 'tasker.task_id' => '42' },
                   status: 2, message: 'no money', flags: 0x301, traceState: 'x=y', events: [event], links: [link],
                   droppedAttributesCount: 1, droppedEventsCount: 2, droppedLinksCount: 3)

    expect(span).to be_a(described_class::Span).and be_frozen.and have_attributes(
      name: 'span', trace_id: OtlpJsonSpans::TRACE_ID, span_id: '0000000000000002',
      parent_id: '0000000000000001', kind: :client, attributes: { 'tasker.task_id' => '42' }, status: 'ERROR',
      status_message: 'no money', flags: 0x301, trace_state: 'x=y', dropped_attributes_count: 1,
      dropped_events_count: 2, dropped_links_count: 3, resource: { 'service.name' => 'orders' },
      scope: ['tasker-native', '0.1.0'], duration: 0.25, start_time: 1_760_000_000.0, end_time: 1_760_000_000.25,
      start_ns: 1_760_000_000_000_000_000, end_ns: 1_760_000_000_250_000_000, root?: false, error?: true
    )
    expect(span.events).to contain_exactly(
      have_attributes(name: 'step.failed', time_ns: 1_760_000_000_000_000_007, attributes: { 'code' => 503 },
                      dropped_attributes_count: 2)
    )
    expect(span.links).to contain_exactly(
      have_attributes(trace_id: 'ab' * 16, span_id: 'cd' * 8, flags: 257, trace_state: 'a=b', attributes: {})
    )
  end

  it 'gives attribute values the types they had' do
    values = {
      'text' => { 'stringValue' => 'ö' }, 'yes' => { 'boolValue' => true },
      'int' => { 'intValue' => '-9223372036854775808' },
      'float' => { 'doubleValue' => 1 }, 'infinite' => { 'doubleValue' => '-Infinity' }, 'none' => {},
      'bytes' => { 'bytesValue' => '/wA=' }, 'later' => { 'newerValue' => 1 },
      'list' => { 'arrayValue' => { 'values' => [{ 'intValue' => '1' }, { 'stringValue' => 'a' }] } },
      'map' => { 'kvlistValue' => { 'values' => [{ 'key' => 'k', 'value' => { 'arrayValue' => {} } }] } }
    }

    expect(attributes_of(values)).to eql(
      'text' => 'ö', 'yes' => true, 'int' => -(2**63), 'float' => 1.0, 'infinite' => -Float::INFINITY, 'none' => nil,
      'bytes' => "\xff\0".b, 'later' => nil, 'list' => [1, 'a'], 'map' => { 'k' => [] }
    )
  end

  it 'takes 64-bit integers and enums as numbers, as Strings, as names, and not at all' do
    numbers = span_of(startTimeUnixNano: 5, endTimeUnixNano: 7.0, kind: '5', status: '2')
    names = span_of(kind: 'SPAN_KIND_PRODUCER', status: 'STATUS_CODE_ERROR')
    later = span_of(kind: (2**64) - 1, status: -1)
    absent = file_of('{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":null}]}]}]}').first

    expect(numbers).to have_attributes(start_ns: 5, end_ns: 7, kind: :consumer, status: 'ERROR')
    expect(later).to have_attributes(kind: :unspecified, status: 'UNSET')
    expect(names).to have_attributes(kind: :producer, status: 'ERROR')
    expect(absent).to have_attributes(start_ns: 0, kind: :unspecified, status: 'UNSET', name: '', attributes: {},
                                      parent_id: nil, resource: {}, scope: ['', ''])
  end

  it 'finds an attribute by its name without the prefix' do
    span = span_of(attributes: { 'shop.task_id' => '42', 'subtask_id' => '7', 'nothing' => {} })

    expect(%w[task_id shop.task_id nothing missing].map { |key| span.attribute(key) }).to eq(['42', '42', nil, nil])
  end

  describe 'damaged lines' do
    let(:good) { otlp_line(otlp_span('good')) }

    it 'skips and counts them' do
      fields = [{ traceId: 'no hex' }, { startTimeUnixNano: 'soon' }, { endTimeUnixNano: 1.5 }, { flags: 2**64 },
                { links: { 'no' => 'list' } }, { attributes: { 'a' => { 'doubleValue' => 'x' } } },
                { attributes: { 'a' => { 'boolValue' => 1 } } }]
      infinite = otlp_line(otlp_span('x', flags: 31_337)).sub('31337', '1e400')
      malformed = [7, otlp_span(1), *fields.map { |wrong| otlp_span('x', **wrong) }]
      bad = ['{"resourceSpans":[', good[0..-9], '[]', '"text"', "\0", "#{good[0..-3]}\xff", 'null and more', infinite,
             '[' * 100_000, *malformed.map { |span| otlp_line(span) }]
      file = file_of(good, *bad, '', '   ', '{}', good)

      expect(file.map(&:name)).to eq(%w[good good])
      expect(file.damaged_lines).to eq(bad.size)
    end

    it 'counts again with every reading' do
      file = file_of('damaged', good)

      expect(Array.new(2) { file.spans.size && file.damaged_lines }).to eq([1, 1])
    end

    it 'takes a last line without its end, as one that is torn is damaged' do
      file = file_of(good)
      File.write(file.path, "#{good}\n#{good}")
      expect([file.spans.size, file.damaged_lines]).to eq([2, 0])
      File.truncate(file.path, File.size(file.path) - 1)
      expect([file.spans.size, file.damaged_lines]).to eq([1, 1])
    end

    it 'does not keep a line that is longer than any request' do
      stub_const("#{described_class}::MAX_LINE_BYTES", 2 * good.bytesize)
      file = file_of("#{good}#{' ' * good.bytesize * 5}", good)

      expect([file.spans.size, file.damaged_lines]).to eq([1, 1])
    end
  end

  describe 'traces' do
    def trace_line(number, task_id: number)
      attributes = { 'tasker.task_id' => task_id }
      otlp_line(otlp_span('span', traceId: format('%032x', number), attributes: attributes))
    end

    def numbers(traces)
      traces.to_h { |id, spans| [id.to_i(16), spans.size] }
    end

    let(:file) { file_of(*[1, 2, 3, 1, 2, 4, 1].map { |number| trace_line(number) }) }

    it 'has the spans of each' do
      expect(numbers(file.traces)).to eq(1 => 3, 2 => 2, 3 => 1, 4 => 1)
    end

    it 'has the last ones whole, the latest at the end' do
      expect(numbers(file.last_traces(2)).to_a).to eq([[4, 1], [1, 3]])
    end

    it 'has those of one task, with the spans that do not name it' do
      file = file_of(trace_line(1), trace_line(2, task_id: 42), trace_line(2, task_id: 'other'), trace_line(3))

      expect(numbers(file.last_traces(10, task_id: 42))).to eq(2 => 2)
    end
  end

  it 'is Enumerable, lazily where it is asked to be' do
    file = file_of(otlp_line(otlp_span('a'), otlp_span('b')), 'damaged')

    expect(file.each).to be_an(Enumerator)
    expect(file.lazy.map(&:name).first).to eq('a')
    expect(file).to include(have_attributes(name: 'b'))
  end

  it 'knows whether there is a file, and raises what the system says when there is none' do
    missing = described_class.new('/nowhere/traces.jsonl')

    expect([missing.exist?, file_of.exist?]).to eq([false, true])
    expect { missing.spans }.to raise_error(Errno::ENOENT)
  end
end
