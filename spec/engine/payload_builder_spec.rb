# frozen_string_literal: true

require_relative '../../rakelib/golden/engine_records'

# Ours stands in front of the engine's own, which is asked the same.
RSpec.describe 'The EventPayloadBuilder of the engine' do
  let(:builder) { Tasker::Events::EventPayloadBuilder }
  let(:records) { EngineRecords.new }
  let(:steps) { %w[fetch_cart process_payment ship_order reserve_stock send_receipt print_label pay_back] }
  let(:contexts) do
    [{}, { more: 1, step_name: 'own', execution_duration: 2.5, retry_reason: 'own' },
     { error_message: 'no', exception_class: 'IOError', backtrace: ['a.rb:1'] },
     { exception_object: KeyError.new('no') }]
  end
  let(:task_contexts) do
    [{}, { more: 1, task_name: 'own' }, { error_message: 'no', error_steps: ['ship_order'] }, { error: 'oh' }]
  end

  def payloads(method, *arguments, **keywords)
    ours = builder.method(method)
    [ours, ours.super_method].map { |one| one.call(*arguments, **keywords).except(:timestamp) }
  end

  describe '.build_step_payload' do
    %i[before_handle completed failed cancelled backoff unknown].each do |event_type|
      it "gives what the engine gives for :#{event_type}, whatever state the step is in" do
        steps.product(contexts).each do |name, context|
          ours, theirs = payloads(:build_step_payload, records.step(name), event_type: event_type,
                                                                           additional_context: context)
          theirs[:execution_duration] = 0.0 if theirs[:execution_duration].to_f.negative?
          expect(ours).to eq(theirs)
        end
      end
    end

    it 'gives what the engine gives for :started, but for parents that would have to be looked up' do
      steps.product(contexts).each do |name, context|
        ours, theirs = payloads(:build_step_payload, records.step(name), event_type: :started,
                                                                         additional_context: context)
        expect(ours).to eq(theirs.merge(step_dependencies: []))
      end
    end

    it 'tells parents that are loaded, without a query' do
      step = records.step('ship_order')
      step.parents.includes(:named_step).load
      [step, *step.parents].each(&:name)
      payload = nil

      expect(queries { payload = builder.build_step_payload(step, event_type: :started) }).to be_empty
      expect(payload[:step_dependencies]).to eq(step.parents.map(&:name))
    end

    it 'gives what the engine gives for :retry, where that does not raise' do
      (steps - ['ship_order']).product(contexts).each do |name, context|
        ours, theirs = payloads(:build_step_payload, records.step(name), event_type: :retry,
                                                                         additional_context: context)
        expect(ours).to eq(theirs)
      end
      expect(builder.build_step_payload(records.step('ship_order'), event_type: :retry)).to include(:retry_reason)
    end

    it 'takes the task, as the engine does' do
      step = records.step('fetch_cart')
      ours, theirs = payloads(:build_step_payload, step, step.task, event_type: :completed)

      expect(ours).to eq(theirs)
    end

    it 'tells the class of an error that is in the context as error_class' do
      payload = builder.build_step_payload(records.step('fetch_cart'), event_type: :failed,
                                                                       additional_context: { error_class: 'IOError' })
      expect(payload).to include(error_class: 'IOError', exception_class: 'IOError')
    end
  end

  describe '.build_task_payload' do
    %i[started completed failed retry unknown].each do |event_type|
      it "gives what the engine gives for :#{event_type}, and execution_duration" do
        records.names.product(task_contexts).each do |name, context|
          ours, theirs = payloads(:build_task_payload, records.task(name), event_type: event_type,
                                                                           additional_context: context)
          [ours, theirs].each { |payload| payload[:current_execution_duration] &&= 'seconds' }

          duration = theirs[:total_execution_duration]
          expect(ours).to eq(theirs.merge(duration ? { execution_duration: duration } : {}))
        end
      end
    end
  end

  describe '.build_orchestration_payload' do
    it 'gives what the engine gives' do
      ours, theirs = payloads(:build_orchestration_payload, event_type: :task_started,
                                                            context: { task_id: 7, orchestration_event: false })
      expect(ours).to eq(theirs)
    end
  end
end
