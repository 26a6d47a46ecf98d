# frozen_string_literal: true

require 'io/console'
require 'pty'
require 'stringio'
require_relative '../../../lib/tasker/native/waterfall'
require_relative '../../support/otlp_json_spans'

RSpec.describe Tasker::Native::Waterfall do
  include OtlpJsonSpans

  # @return [String] what is printed
  def waterfall(*spans, encoding: Encoding::UTF_8, **options)
    io = StringIO.new(String.new(encoding: encoding))
    described_class.new(spans, io: io, **options).print
    io.string
  end

  def lines(...)
    waterfall(...).lines(chomp: true)
  end

  def line_with(text, *spans, **options)
    lines(*spans, **options).find { |line| line.include?(text) }
  end

  def root(**fields)
    attributes = { 'tasker.task_id' => '42', 'tasker.task_name' => 'order_process' }
    span_data('tasker.task.execution', to: 1240, attributes: attributes, **fields)
  end

  def step(name, **fields)
    attributes = { 'tasker.step_name' => name, 'tasker.attempt_number' => 1, **fields.delete(:attributes).to_h }
    span_data('tasker.step.execution', parent: 1, attributes: attributes, **fields)
  end

  let(:order) do
    [step('ship_order', id: 4, from: 620, to: 1240),
     step('process_payment', id: 3, from: 310, to: 620, status: 2, message: 'Gateway timed out',
                             events: { 'step.failed' => 619 }),
     step('fetch_cart', id: 2, from: 0, to: 310, attributes: { 'tasker.token' => '[FILTERED]' }),
     root(events: { 'task.started' => 0 })]
  end

  it 'shows a task as a header, a time axis, bars, messages, events and what was masked' do
    expect(waterfall(*order, width: 88)).to eq(<<~TEXT)
      ✓ order_process  1.24 s  OK  task 42  trace 0af7651916cd43dd8448eb211c80319c
                                                            0                           1.24 s
      ✓ tasker.task.execution                        1.24 s ██████████████████████████████████
        +0 ms task.started                                  ◆
        ✓ fetch_cart #1 tasker.step.execution        310 ms ████████▌
        ✗ process_payment #1 tasker.step.execution   310 ms         █████████
          Gateway timed out
          +309 ms step.failed                                               ◆
        ✓ ship_order #1 tasker.step.execution        620 ms                  █████████████████
        masked: tasker.token
    TEXT
  end

  it 'is plain ASCII where the encoding is not UTF-8, for all that users put into it' do
    text = waterfall(*order, step('größe µ 日本', id: 5, to: 0.0005), encoding: Encoding::US_ASCII)

    expect(text).to be_ascii_only
    expect(text).to include('+ order_process', 'x process_payment', '=====', '*', 'gr\u{f6}\u{df}e', '500 ns')
  end

  describe 'the tree' do
    def names(*spans)
      lines(*spans, width: 200).filter_map { |line| line[/^ *[✓·✗] (\S+)(?= .*█)|^ +\(.*\)/] }
    end

    it 'has parents before children, and children by their start' do
      spans = [root, step('a', id: 2, from: 10), step('b', id: 3, from: 5),
               span_data('HTTP', id: 4, parent: 2, from: 12), span_data('SQL', id: 5, parent: 4, from: 13)]

      spans.permutation.first(20).each do |order|
        expect(names(*order)).to eq(['✓ tasker.task.execution', '  ✓ b', '  ✓ a', '    ✓ HTTP', '      ✓ SQL'])
      end
    end

    it 'has spans whose parent is elsewhere under a note' do
      expect(names(root, step('here', id: 2), step('lost', id: 3, parent: 99), span_data('below', id: 4, parent: 3)))
        .to eq(['✓ tasker.task.execution', '  ✓ here', '  (parent not here)', '  ✓ lost', '    ✓ below'])
    end

    it 'says so when the root is elsewhere' do
      expect(lines(step('alone', id: 2)).first).to start_with('· (no task here)  100 ms  its root is not here')
    end

    it 'has each span once, whatever the parents are: a circle, itself, an id that appears twice' do
      spans = { 'a' => [2, 3], 'b' => [3, 2], 'self' => [4, 4], 'twin' => [5, 1], 'child' => [6, 5] }
              .map { |name, (id, parent)| span_data(name, id: id, parent: parent) }
      spans.push(root, span_data('twin', id: 5, parent: 1))

      expect(names(*spans).map(&:strip).tally).to eq(
        '✓ tasker.task.execution' => 1, '✓ a' => 1, '✓ b' => 1, '✓ self' => 1, '✓ twin' => 2, '✓ child' => 1,
        '(parent not here)' => 1
      )
    end

    it 'goes as deep as the spans do, without indenting for ever' do
      chain = Array.new(900) { |depth| span_data("span#{depth}", id: depth + 1, parent: (depth if depth.positive?)) }

      expect(names(*chain).last).to eq("#{' ' * 24}✓ span899")
    end
  end

  describe 'the header' do
    it 'has the state of the last run' do
      failed = root(status: 2, to: 10)
      again = root(id: 9, from: 20, to: 30, status: 1)

      expect(lines(failed).first).to start_with('✗ order_process  10 ms  ERROR  task 42')
      expect(lines(failed, again).first).to start_with('✓ order_process  30 ms  OK  task 42')
    end

    it 'takes two lines where it has to' do
      expect(lines(root, width: 60).first(2))
        .to eq(['✓ order_process  1.24 s  OK  task 42', '  trace 0af7651916cd43dd8448eb211c80319c'])
    end

    it 'stands above each trace, the earliest first' do
      later = root(from: 5, traceId: 'ff' * 16)
      text = waterfall(later, root)

      expect(text.scan(/trace (\h\h)/).flatten).to eq(%w[0a ff])
      expect(text).to include("\n\n✓ order_process")
    end
  end

  describe 'durations' do
    {
      0 => '0 ms', 0.0005 => '500 ns', 0.0123 => '12.3 µs', 0.9996 => '1 ms', 9.994 => '9.99 ms', 999.6 => '1 s',
      12 => '12 ms', 1240 => '1.24 s', 59_400 => '59.4 s', 59_999 => '1m 00s', 125_000 => '2m 05s',
      3_599_999 => '1h 00m', 11_520_000 => '3h 12m'
    }.each do |milliseconds, text|
      it "shows #{milliseconds} ms as #{text}" do
        expect(lines(root(to: milliseconds)).first).to include("order_process  #{text}  OK")
      end
    end

    it 'shows clocks that disagree as they are' do
      spans = [root, step('skewed', id: 2, from: 100, to: 90, events: { 'early' => 60 })]

      expect(line_with('skewed', *spans)).to include('-10 ms')
      expect(line_with('early', *spans)).to include('-40 ms early')
    end
  end

  describe 'bars' do
    def bar(span, **options)
      line_with(span.attribute('step_name'), root(to: 1000), span, width: 100, **options)[/ m?s (.*)$/, 1]
    end

    it 'are divided into eighths of a column, and never quite invisible' do
      width = bar(step('whole', id: 2, to: 1000)).size
      column = 1000.0 / width

      expect(bar(step('part_', id: 2, from: 0, to: column * 2.51))).to eq('██▌')
      expect(bar(step('point', id: 2, from: column * 3, to: column * 3))).to eq('   ▏')
      expect(bar(step('_last', id: 2, from: 1000, to: 1000))).to eq("#{' ' * (width - 1)}█")
    end

    it 'need no duration' do
      expect(waterfall(root(to: 0, events: { 'task.started' => 0 }))).to include('▏', '◆')
    end
  end

  describe 'what users put into it' do
    let(:hostile) { "\e[2J\e]0;owned\a\r\n\t\u009b31m\u202egnp.exe\u200b\u2028" }

    it 'cannot drive the terminal from any place' do
      attributes = { hostile => hostile, 'tasker.task_id' => hostile, 'tasker.task_name' => hostile,
                     'tasker.attempt_number' => hostile, 'masked' => "[FILTERED]#{hostile}", 'bytes' => {
                       'bytesValue' => ["\e[31m\xff"].pack('m0')
                     } }
      event = otlp_event(hostile, 'exception.type': hostile, hostile => hostile)
      text = waterfall(span_data(hostile, status: 2, message: hostile, attributes: attributes, events: [event]),
                       attributes: true, width: 300)

      expect(text.delete("\n")).to match(/\A[[:print:]]*\z/)
      expect(text).not_to match(/\p{Cf}/)
      expect(text).to include('\e[2J\e]0;owned\u{7}\r\n\t\u{9b}31m\u{202e}gnp.exe\u{200b}\u{2028}', '\e[31m\xff')
    end

    it 'is cut to the width, which it fills exactly' do
      attributes = { 'a' => 'x' * 70_000 }
      spans = [root, step('長い名前' * 40, id: 2, status: 2, message: "#{'é' * 500}\u0301", attributes: attributes)]

      lines(*spans, width: 80, attributes: true).each do |line|
        columns = line.each_char.sum { |character| character.match?(/\p{Han}|\p{Hiragana}/) ? 2 : 1 }
        expect(columns).to be <= 80
      end
      expect(line_with('é', *spans, width: 80)).to eq("    #{'é' * 75}…")
      expect(line_with('xxx', *spans, width: 80, attributes: true)).to end_with('xx…').and have_attributes(size: 80)
    end
  end

  describe 'masked attributes' do
    it 'are named once, with the keys inside of nested ones' do
      json = '{"card":{"number":"[FILTERED]","name":"Ann"},"pass\"word": "[FILTERED]"}'
      spans = [root(attributes: { 'tasker.context' => json, 'tasker.token' => '[FILTERED]' }),
               step('a', id: 2, attributes: { 'tasker.token' => '[FILTERED]', 'tasker.note' => 'card [FILTERED]' })]

      expect(line_with('masked:', *spans))
        .to eq('  masked: tasker.context.number, tasker.context.pass\"word, tasker.token, tasker.note')
    end

    it 'are those of events, too' do
      event = otlp_event('step.failed', password: '[FILTERED]')

      expect(line_with('masked:', root(events: [event]))).to eq('  masked: password')
    end

    it 'take as many lines as they need' do
      attributes = Array.new(40) { |number| ["attribute_#{number}", '<hidden>'] }.to_h
      text = waterfall(root(attributes: attributes), width: 60, mask: '<hidden>')

      expect(text).to include("  masked: attribute_0, attribute_1, attribute_2,\n          attribute_3")
      expect(text).to include('attribute_31', '... and 8 more masked')
    end

    it 'are not mentioned where there are none' do
      expect(waterfall(root)).not_to include('masked')
    end
  end

  describe 'attributes' do
    it 'are shown with their values' do
      attributes = { 'a' => 'text', 'b' => 1.5, 'c' => true, 'd' => {} }
      text = waterfall(root(attributes: attributes, events: [otlp_event('step.failed', code: 503)]), attributes: true)

      expect(text).to include("  a = text\n  b = 1.5\n  c = true\n  d = nil\n", "\n    code = 503\n")
    end

    it 'are not shown unbidden' do
      expect(waterfall(root(attributes: { 'quiet' => 'text' }))).not_to include('quiet')
    end
  end

  it 'shows a part of what is huge, and says so' do
    steps = Array.new(1200) { |number| step("s#{number}", id: number + 2) }
    events = Array.new(40) { |number| ["event#{number}", 0] }.to_h
    text = waterfall(root(events: events), *steps)

    expect(text.lines.size).to be < 1050
    expect(text).to include('... and 201 more spans', '... and 8 more events')
  end

  it 'prints nothing for nothing' do
    expect(waterfall).to eq('')
  end

  describe 'colour and width' do
    def in_terminal(columns, environment = {})
      program = File.expand_path('../../../lib/tasker/native/waterfall', __dir__)
      support = File.expand_path('../../support/otlp_json_spans', __dir__)
      script = 'spans = [OtlpJsonSpans.span_data("x" * 500, status: 2, message: "m" * 500)]
                Tasker::Native::Waterfall.new(spans).print'
      PTY.open do |terminal, device|
        device.winsize = [24, columns]
        pid = spawn({ 'RUBYOPT' => nil, **environment }, RbConfig.ruby, '-r', program, '-r', support, '-e', script,
                    out: device)
        Process.wait(pid)
        device.close
        terminal.read_nonblock(100_000).force_encoding('UTF-8').delete("\r").lines(chomp: true)
      end
    end

    it 'are the terminal’s' do
      lines = in_terminal(71)

      expect(lines.first).to match(/\A\e\[31m.\e\[0m/)
      expect(lines.map { |line| line.gsub(/\e\[[\d;]*m/, '').size }.max).to eq(71)
    end

    it 'are plain where NO_COLOR is set, and 100 where the terminal has no width' do
      lines = in_terminal(0, 'NO_COLOR' => '1')

      expect(lines.join).not_to include("\e")
      expect(lines.map(&:size).max).to eq(100)
    end

    it 'may be chosen' do
      expect(waterfall(root, color: true)).to include("\e[32m✓\e[0m")
      expect(lines(root, width: 1).map(&:size).max).to eq(40)
    end
  end
end
