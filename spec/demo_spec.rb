# frozen_string_literal: true

require 'open3'
require 'tmpdir'
require_relative '../examples/orders/demo/arrival'
require_relative '../examples/orders/lib/example_orders'
require_relative 'support/otlp_json_spans'

RSpec.describe 'bin/demo' do
  let(:root) { File.expand_path('..', __dir__) }

  def run_demo(*arguments, **environment)
    program = File.expand_path('../bin/demo', __dir__)
    Bundler.with_unbundled_env { Open3.capture3(environment.transform_keys(&:to_s), program, *arguments) }
  end

  it 'has a help' do
    output, errors, status = run_demo('--help')

    expect([status.success?, errors]).to eq([true, ''])
    expect(output).to include('bin/demo --help')
  end

  it 'refuses what it does not know' do
    _, errors, status = run_demo('--fast')

    expect(status).not_to be_success
    expect(errors).to include('unknown option: --fast', 'bin/demo --help')
  end

  describe 'as a whole', :slow do
    let(:demo) { run_demo(OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:9') }
    let(:output) { demo.first }
    # From one heading to the next: the two ways to export, each with its waterfalls.
    let(:parts) { output.split(/^(?=\d\. )/).drop(1).first(2) }

    it 'shows what happened and what arrived, checks it, and says how to go on' do
      expect(demo.last).to be_success, demo.join("\n")
      expect(demo[1]).to eq('')
      expect(parts.first).to show('1. As it comes', 'tasker_traces.jsonl')
      expect(parts.last).to show('OTEL_EXPORTER_OTLP_ENDPOINT=http://127.0.0.1:', 'receiver', 'POST  /v1/traces  200')
      expect(parts).to all(show_events).and all(show_waterfalls).and all(show_masked_names).and all(be_complete)
      expect(output).to show('In an app of your own', "gem 'tasker-native', path: '#{root}'")
    end

    it 'is quiet, and keeps the secrets' do
      expect(demo.last).to be_success
      expect(output).not_to match(/warning|deprecat|\e\[/i)
      expect(ExampleOrders::SECRETS.select { |secret| output.include?(secret) }).to be_empty
    end

    it 'leaves the tree as it was' do
      skip 'this is no clone' unless system('git', '-C', root, 'rev-parse', %i[out err] => File::NULL)
      before = Open3.capture2('git', '-C', root, 'status', '--porcelain', 'examples', 'log', 'tmp').first

      expect(demo.last).to be_success
      expect(Open3.capture2('git', '-C', root, 'status', '--porcelain', 'examples', 'log', 'tmp').first).to eq(before)
      expect(Dir[File.join(root, 'examples/orders/db/*.sqlite3*')]).to be_empty
    end

    # @return a matcher for these texts, in this order
    def show(*texts)
      match(Regexp.new(texts.map { |text| Regexp.escape(text) }.join('.*'), Regexp::MULTILINE))
    end

    def show_events
      show('orders', 'task.start_requested', 'task ', 'step.before_handle', 'fetch_cart', 'attempt 1',
           'order.validation_started', 'process_payment', 'step.failed', 'The provider did not answer',
           'step.retry_requested')
        .and(match(/shipping +[\d:.]+  step\.completed +task \d+  ship_order +\d+ ms/))
        .and(match(/orders +[\d:.]+  task\.failed +task \d+  process_payment failed: The card was declined/))
    end

    def show_waterfalls
      show('✓ order_process', ' OK ', '✓ tasker.task.execution', '✓ fetch_cart #1', 'order.cart_fetched',
           '✓ validate_products #1', '✗ process_payment #1', 'exception PaymentProvider::Unreachable',
           'tasker.step.retry', '✓ process_payment #2', '✓ ship_order #1', 'order.shipped')
        .and(show('✗ order_process', ' ERROR ', '✗ process_payment #1', '✗ process_payment #2',
                  'exception PaymentProvider::Declined'))
    end

    def show_masked_names
      names = %w[step_inputs.api_token step_inputs.card_number step_results.card_number customer.password
                 task_context.password task_context.api_token]
      include('masked: orders.', *names.map { |name| "orders.#{name}" })
    end

    def be_complete
      match(/^Complete: (\d+) spans ended, \1 were exported, \1 arrived: 2 traces, one root each\.$/)
        .and(match(/^Of the 6 secrets in these orders, none is in these [\d,]+ bytes; \d+ values are masked\.$/))
    end
  end

  describe Arrival do
    include OtlpJsonSpans

    let(:root_span) { otlp_span('tasker.task.execution', id: 1, attributes: { 'orders.password' => '[FILTERED]' }) }
    let(:step_span) { otlp_span('tasker.step.execution', id: 2, parent: 1) }
    let(:accounts) { [{ accepted: 1, exported: 1, in_flight: 0 }] * 2 }

    def problems(*spans, accounts: self.accounts, tasks: 1, secrets: %w[swordfish])
      Dir.mktmpdir do |directory|
        file = File.join(directory, 'spans.jsonl')
        File.write(file, otlp_line(*spans))
        described_class.new([file], accounts: accounts, tasks: tasks, secrets: secrets).problems
      end
    end

    it 'is content with what is right' do
      expect(problems(root_span, step_span)).to eq([])
    end

    it 'sees that spans are missing' do
      expect(problems(root_span, step_span, accounts: accounts * 2)).to include(/4 spans ended, 4 were exported, 2/)
    end

    it 'sees that spans were accepted, but not exported' do
      expect(problems(root_span, step_span, accounts: [{ accepted: 2, exported: 1 }])).to include(/1 were exported/)
    end

    it 'sees that a span came twice' do
      expect(problems(root_span, step_span, step_span, accounts: [{ accepted: 3, exported: 3 }])).to include(/arrived/)
    end

    it 'sees that a step is not below the root, and a trace too many' do
      expect(problems(root_span, otlp_span('tasker.step.execution', id: 2, parent: 9))).to include(/not one root/)
      expect(problems(root_span, step_span, tasks: 2)).to include(/2 tasks ended, but 1 traces arrived/)
    end

    it 'sees a secret, and that nothing was masked' do
      leak = otlp_span('tasker.step.execution', id: 2, parent: 1, attributes: { 'note' => 'my swordfish' })

      expect(problems(root_span, leak)).to eq(['Secrets left the app: swordfish.'])
      expect(problems(otlp_span('tasker.task.execution', id: 1), step_span)).to eq(['Nothing is masked.'])
    end
  end
end
