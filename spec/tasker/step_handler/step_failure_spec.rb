# frozen_string_literal: true

require_relative '../../support/step_database'

RSpec.describe 'What a failed attempt leaves in its step' do
  let(:events) { listen('step.failed') }

  before { events }

  # Runs the block as the handler of the step, which is to raise.
  #
  # @return [Exception] what was raised
  def failure_of(step, &process)
    handle(step, build_task(task_id: 7), &process)
    raise 'the handler did not fail'
  rescue StandardError, SystemStackError => e
    e
  end

  def error(message = 'no such cart')
    @error ||= ArgumentError.new(message)
  end

  describe 'in a step that is no record' do
    let(:step) { build_step(attempts: 2, results: { mine: 1 }) }

    it 'is the error, its class, ten lines of its backtrace, the attempt and the time, beside the results' do
      raised = failure_of(step) { raise error }

      expect(raised).to be(error)
      expect(step.results).to match(mine: 1, error: 'no such cart', error_class: 'ArgumentError', attempt: 2,
                                    backtrace: error.backtrace.first(10), time: /\A\d{4}-\d\d-\d\dT[\d:.]+Z\z/)
      expect(events.first.payload).to include(error_message: 'no such cart', step_results: step.results)
    end

    it 'leaves the Hash alone that was there' do
      before = { 'mine' => 1 }.freeze
      step.results = before
      failure_of(step) { raise error }

      expect(before).to eq('mine' => 1)
      expect(step.results.keys).to all(be_a(String))
    end

    it 'keeps results that are no Hash' do
      failure_of(step) { |_, _, step| (step.results = [1, 2]) && raise(error) }
      expect(step.results).to include(previous_results: [1, 2], error: 'no such cart')
    end

    it 'is bounded, and valid text' do
      deep = ->(depth) { depth.zero? ? raise(error("\xFF\0#{'x' * 50_000}")) : deep.call(depth - 1) }
      failure_of(step) { deep.call(100) }

      expect(step.results[:error]).to start_with("\uFFFD\uFFFDxxx").and have_attributes(size: 10_000)
      expect(step.results[:backtrace].size).to eq(10)
    end

    it 'is replaced by that of the next attempt, and by the results of one that succeeds' do
      failure_of(step) { raise error }
      failure_of(step) { raise IOError, 'next' }
      expect(step.results).to include(mine: 1, error: 'next', error_class: 'IOError')

      handle(step) { { items: 3 } }
      expect(step.results).to eq(items: 3)
    end

    it 'is filtered as telemetry is, also where the error brings a context of its own' do
      configure(filter_parameters: [:card, /\Apin\z/])
      failing = Class.new(StandardError) { def context = { order: 5, at: [{ card: '4111', 'pin' => 1 }] } }
      failure_of(step) { raise failing }

      expect(step.results[:error_context])
        .to eq('order' => 5, 'at' => [{ 'card' => '[FILTERED]', 'pin' => '[FILTERED]' }])
    end

    it 'has no message and no backtrace where the filter names them' do
      configure(filter_parameters: %i[error_message backtrace])
      failure_of(step) { raise error }
      expect(step.results).to include(error: '[FILTERED]', error_class: 'ArgumentError', backtrace: '[FILTERED]')

      configure(filter_parameters: [->(_key, _value) { raise 'no' }])
      failure_of(step) { raise error }
      expect(step.results.except(:mine).values.flatten.uniq).to eq(['[FILTERED]'])
    end

    it 'leaves a step without results= alone' do
      bare = Struct.new(:workflow_step_id).new(5)
      handler = Class.new(Tasker::StepHandler::Base) { def handle(*) = raise(ArgumentError, 'mine') }

      expect { handler.new.handle(nil, [], bare) }.to raise_error('mine')
      expect(events.size).to eq(1)
      expect(stats[:unkept_step_errors]).to eq(0)
    end

    it 'is given up, counted and logged where results= raises; the error is raised and published all the same' do
      step.define_singleton_method(:results=) { |_| raise IOError, "disk full\nDETAIL: secret" }
      expect(failure_of(step) { raise error }).to be(error)

      expect(error.cause).to be_nil
      expect(events.first[:error_message]).to eq('no such cart')
      expect(stats[:unkept_step_errors]).to eq(1)
      expect(log_lines(/could not be kept/)).to contain_exactly(/the error of step fetch_cart .* IOError: disk full/)
      expect(log).not_to include('secret')
    end
  end

  it 'shows nothing of a step that can not be changed' do
    failure_of(build_step(inputs: { card: 'secret' }).freeze) { raise error }
    expect(log_lines(/could not be kept/)).to contain_exactly(/FrozenError: can't modify frozen/)
    expect(log).not_to include('secret')
  end

  it 'passes an Interrupt on that comes while it is kept, and the span ends' do
    step = build_step
    step.define_singleton_method(:results=) { |_| raise Interrupt }

    expect { handle(step) { raise error } }.to raise_error(Interrupt)
    expect(events).to be_empty
    expect(only_span.events.map(&:name)).to eq(['tasker.span.interrupted'])
  end

  shared_examples 'a database' do
    let(:model) { StepDatabase::Step }
    let(:long_ago) { Time.utc(2020) }
    let(:step) do
      model.insert({ task_id: 7, name: 'no callbacks', status: 'in_progress', attempts: 1, results: { 'mine' => 1 },
                     updated_at: long_ago })
      model.last
    end
    let(:row) { model.find(step.workflow_step_id) }

    before do
      configure(trace_seed: 'spec')
      model.delete_all
    end

    it 'has the error in the results, and nothing else in the row has changed' do
      before = step.attributes.except('results')
      expect(failure_of(step) { raise error }).to be(error)

      expect(row.results).to include('mine' => 1, 'error' => 'no such cart', 'error_class' => 'ArgumentError',
                                     'attempt' => 1, 'backtrace' => be_an(Array), 'time' => be_a(String))
      expect(row.attributes.except('results')).to eq(before)
      expect(step).to have_attributes(results: row.results, has_changes_to_save?: false)
      expect(stats[:unkept_step_errors]).to eq(0)
    end

    it 'has with it what the handler had set, by one UPDATE in one transaction' do
      step
      sent = StepDatabase.statements do
        failure_of(step) do |_, _, step|
          step.cost = 5
          step.results = { 'half' => true }
          raise error
        end
      end

      expect(sent).to eq(%w[BEGIN UPDATE COMMIT]).or eq(%w[begin UPDATE commit])
      expect(row).to have_attributes(cost: 5, results: include('half' => true, 'error' => 'no such cart'))
    end

    it 'has it in results that the handler has changed in place' do
      failure_of(step) { |_, _, step| (step.results['half'] = true) && raise(error) }
      expect(row.results).to include('half' => true, 'error' => 'no such cart')
    end

    it 'has it, and what else has a column, where the handler has set an attribute without one' do
      with_progress = Class.new(model) { attribute :progress, :integer }.find(step.workflow_step_id)
      failure_of(with_progress) { |_, _, step| step.assign_attributes(progress: 5, cost: 6) || raise(error) }

      expect(row).to have_attributes(cost: 6, results: include('mine' => 1, 'error' => 'no such cart'))
    end

    it 'has nothing of what another process has changed undone, nor what was unsaved before' do
      step.status = 'unsaved'
      failure_of(step) do
        model.where(workflow_step_id: step.workflow_step_id).update_all(task_id: 8, attempts: 2)
        raise error
      end

      expect(row).to have_attributes(status: 'in_progress', task_id: 8, attempts: 2, results: include('error'))
      expect(step.changed_attribute_names_to_save).to eq(['status'])
    end

    it 'has neither when the database refuses one; the error is raised and published all the same' do
      raised = failure_of(step) do |_, _, step|
        step.cost = nil
        step.results = { 'half' => true }
        raise error
      end

      expect(raised).to be(error)
      expect(row).to have_attributes(cost: 0, results: { 'mine' => 1 })
      expect(events.first[:error_message]).to eq('no such cart')
      expect(stats[:unkept_step_errors]).to eq(1)
      expect(log).to include('could not be kept in its results: ActiveRecord::NotNullViolation')
      expect(step.changed_attribute_names_to_save).to contain_exactly('cost', 'results')
    end

    it 'leaves the transaction of the app usable when it is refused, and ends as that does' do
      model.transaction do
        failure_of(step) { |_, _, step| (step.cost = nil) || raise(error) }
        step.cost = 1
        expect(model.count).to eq(1)
        failure_of(step) { raise error }
        raise ActiveRecord::Rollback
      end
      expect(model.count).to eq(0)

      model.insert(step.attributes.merge('results' => {}))
      expect(step.changed_attribute_names_to_save).to contain_exactly('cost', 'results')
    end

    it 'survives a transaction of the handler, which is rolled back' do
      failure_of(step) { |_, _, step| model.transaction { step.update_columns(cost: 9) && raise(error) } }
      expect(row).to have_attributes(cost: 0, results: include('error' => 'no such cart'))
    end

    it 'says so each time when the row is gone' do
      failure_of(step) { model.delete_all && raise(error) }
      expect(log).to include('its row is gone')

      failure_of(step) { raise error }
      expect(stats[:unkept_step_errors]).to eq(2)
    end

    it 'sets the results of a record that was never saved, and writes nothing' do
      step = model.new(name: 'new')
      expect(StepDatabase.statements { failure_of(step) { raise error } }).to be_empty
      expect(step.results).to include('error' => 'no such cart')
    end

    it 'holds no connection longer than the transaction' do
      busy = []
      publisher.subscribe('step.failed') { busy << StepDatabase.pool.stat[:busy] }
      step
      Thread.new { failure_of(step) { (busy << StepDatabase.pool.stat[:busy]) && raise(error) } }.join

      expect(busy).to eq([0, 0])
    end

    it 'is there for each of 50 threads that share five connections' do
      ids = Array.new(50) { |number| model.create!(name: "step #{number}", attempts: number).workflow_step_id }
      steps = model.find(ids)
      threads = steps.map { |one| Thread.new { failure_of(one) { raise ArgumentError, one.name } } }

      expect(threads.map { |thread| thread.join(60) }).to all(be_a(Thread))
      expect(model.find(ids).to_h { |one| [one.results['error'], one.results['attempt']] })
        .to eq(Array.new(50) { |number| ["step #{number}", number] }.to_h)
      expect(StepDatabase.pool.stat).to include(busy: 0, waiting: 0)
      expect(stats[:unkept_step_errors]).to eq(0)
    end
  end

  # rubocop:disable RSpec/BeforeAfterAll -- one database for all
  describe 'in SQLite' do
    before(:context) { StepDatabase.open_sqlite }
    after(:context) { StepDatabase.close }

    it_behaves_like 'a database'
  end

  describe 'in PostgreSQL', :slow do
    before(:context) { StepDatabase.open_postgresql }
    after(:context) { StepDatabase.close }

    it_behaves_like 'a database'

    describe 'whose connection is killed' do
      let(:model) { StepDatabase::Step }
      let(:step) { model.create!(name: 'fetch_cart', results: { 'mine' => 1 }) }
      let(:row) { model.find(step.workflow_step_id) }

      def execute(sql)
        StepDatabase::Base.with_connection { |connection| connection.execute(sql) }
      end

      after { execute('DROP TRIGGER IF EXISTS killer ON steps') }

      it 'in the middle of the transaction: the error is raised and published, the row is as it was' do
        step
        execute(<<~SQL)
          CREATE OR REPLACE FUNCTION kill() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$;
          CREATE TRIGGER killer AFTER UPDATE ON steps FOR EACH ROW EXECUTE FUNCTION kill();
        SQL

        expect(failure_of(step) { |_, _, step| (step.cost = 5) && raise(error) }).to be(error)
        expect(error.cause).to be_nil
        expect(events.map { |event| event[:error_message] }).to eq(['no such cart'])
        expect(stats[:unkept_step_errors]).to eq(1)
        expect(log).to include('could not be kept in its results: ActiveRecord::')
        expect(row).to have_attributes(cost: 0, results: { 'mine' => 1 })
      end

      it 'before it: another one keeps the error' do
        step
        raised = failure_of(step) { execute('SELECT pg_terminate_backend(pg_backend_pid())') }

        expect(raised).to be_a(ActiveRecord::StatementInvalid)
        expect(row.results).to include('error_class' => raised.class.name)
      end
    end
  end
  # rubocop:enable RSpec/BeforeAfterAll
end
