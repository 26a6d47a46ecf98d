# frozen_string_literal: true

require_relative 'support/played_orders'

RSpec.describe 'The workflows of examples/engine', :slow do
  let(:played) { PlayedOrders.once(:workers) }
  let(:attempts) { played.attempts }
  let(:executions) { played.spans.select { |span| span.name == 'tasker.step.execution' } }
  let(:roots) { played.spans.select(&:root?) }

  def spans_of(order, spans = played.spans)
    spans.select { |span| span.attribute('task_id') == played.tasks.fetch(order).to_s }.sort_by(&:start_ns)
  end

  def execution(order, step, attempt: 1)
    spans_of(order, executions).find do |span|
      [span.attribute('step_name'), span.attribute('attempt_number')] == [step, attempt]
    end
  end

  def root_of(span)
    roots.find { |root| [root.trace_id, root.span_id] == [span.trace_id, span.parent_id] }
  end

  def process_of(span)
    span.resource.fetch('process.pid')
  end

  def labels(spans)
    spans.map { |span| [span.name, span.attribute('task_id'), span.attribute('step_name')].join(' ') }
  end

  shared_examples 'workflows' do
    it 'give a task one root for each time that it ended' do
      endings = played.tasks.keys.to_h { |order| [order, spans_of(order, roots).map(&:status)] }

      expect(roots.map(&:name).uniq).to eq(['tasker.task.execution'])
      expect(endings).to eq(shipped: %w[OK], retried: %w[OK], paid_otherwise: %w[ERROR OK], paid_at_last: %w[ERROR OK],
                            closed: %w[ERROR], cancelled: %w[UNSET])
    end

    it 'give nothing twice' do
      expect(played.spans.map(&:span_id).tally.select { |_, count| count > 1 }).to be_empty
      expect(played.spans.map(&:trace_id).uniq.size).to eq(played.tasks.size)
    end

    it 'give an attempt one span, in its process, as wide as its handler took' do
      spans = attempts.to_h { |attempt| [attempt, executions.select { |span| attempt.of?(span) }] }

      expect(executions.size).to eq(attempts.size)
      expect(spans.reject { |_, found| found.one? }.keys).to be_empty
      expect(spans.reject { |attempt, (span, _)| process_of(span) == attempt.pid }.keys).to be_empty
      expect(spans.reject { |attempt, (span, _)| attempt.as_wide_as?(span, within: 0.01) }.keys).to be_empty
    end

    it 'have everything below a root of its task, and attempts within that root' do
      parents = played.spans.reject(&:root?).to_h { |span| [span, root_of(span)] }
      outside = parents.slice(*executions).compact.reject do |span, root|
        root.start_ns <= span.start_ns && span.end_ns <= root.end_ns
      end

      expect(labels(parents.select { |_, root| root.nil? }.keys)).to be_empty
      expect(labels(outside.keys)).to be_empty
    end

    it 'have steps beside each other that ran at once' do
      long = %w[reserve_products check_customer].map { |step| execution(:shipped, step) }
      all = [*long, execution(:shipped, 'quote_shipping')]

      expect(all.map(&:start_ns).max).to be < long.map(&:end_ns).min
      expect(all.map(&:parent_id).uniq).to eq([spans_of(:shipped, roots).first.span_id])
      expect(execution(:shipped, 'process_payment').start_ns).to be > all.map(&:end_ns).max
    end

    it 'have no attempt of a step that was resolved manually, and go on after it' do
      spans = spans_of(:paid_otherwise, executions)
      payments = spans.select { |span| span.attribute('step_name') == 'process_payment' }

      expect(payments.map(&:status)).to eq(%w[ERROR ERROR])
      expect(execution(:paid_otherwise, 'ship_order').status).to eq('OK')
    end

    it 'tell that a task ran again after it had failed' do
      failed, again = spans_of(:paid_at_last, roots)

      expect(execution(:paid_at_last, 'process_payment', attempt: 2).parent_id).to eq(failed.span_id)
      expect(execution(:paid_at_last, 'process_payment', attempt: 3).parent_id).to eq(again.span_id)
      expect(again.links.map(&:span_id)).to eq([failed.span_id])
    end

    it 'keep the secrets' do
      exported = played.spans.map(&:to_h).to_s

      expect(ExampleOrders::SECRETS.select { |secret| exported.include?(secret) }).to be_empty
      expect(exported).to include('[FILTERED]')
    end
  end

  context 'with a web process that only places orders, a worker, and a worker for what is tried again' do
    it_behaves_like 'workflows'

    it 'follow a payment that is tried again into another process' do
      first, second = [1, 2].map { |attempt| execution(:retried, 'process_payment', attempt: attempt) }

      expect([first, second].map(&:status)).to eq(%w[ERROR OK])
      expect(process_of(second)).not_to eq(process_of(first))
      expect(second.events.map(&:name)).to include('order.payment_received')
      expect(spans_of(:retried).count { |span| span.name == 'tasker.step.retry' }).to eq(1)
    end

    it 'end an order that is cancelled while it waits, in the process that cancels it' do
      root = spans_of(:cancelled, roots).first

      expect(attempts.map(&:pid)).not_to include(process_of(root))
      expect(root.events.map(&:name)).to include('task.cancelled')
      expect(root.end_ns).to be > execution(:cancelled, 'process_payment').end_ns
    end
  end

  context 'with one process that does it all' do
    let(:played) { PlayedOrders.once(:in_one_process) }

    it_behaves_like 'workflows'
  end

  describe 'the rows of the engine' do
    it 'are the same with TASKER_NATIVE=off, and nothing is exported' do
      off = PlayedOrders.once(:off)

      expect(off.rows).to eq(played.rows)
      expect(off.spans).to be_empty
    end

    it 'are the same without the gem' do
      expect(PlayedOrders.once(:without).rows).to eq(played.rows)
    end
  end
end
