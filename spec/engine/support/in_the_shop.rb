# frozen_string_literal: true

require 'json'

# What scripts of ShopApp may call.
module InTheShop
  # To the example.
  def tell(value)
    $stdout.syswrite("#{JSON.generate(value)}\n") # rubocop:disable RSpec/Output
  end

  # @return [Integer] the id of a new task
  def place(**context)
    request = Tasker::Types::TaskRequest.new(name: OrderProcess::NAME, context: { cart_id: 17, **context },
                                             initiator: 'customer', reason: 'order', source_system: 'shop')
    OrderProcess.new.initialize_task!(request).task_id
  end

  # @return [String] what becomes of it
  def work_on(task_id)
    OrderProcess.new.handle(Tasker::Task.find(task_id))
    Tasker::Task.find(task_id).status
  end

  # As an operator does who has a failed order run again.
  #
  # @param limit [Integer, nil] of attempts, another one
  # @return [String] what becomes of it
  def again(task_id, limit: nil)
    task = Tasker::Task.find(task_id)
    step = task.get_step_by_name('charge')
    step.update!(retry_limit: limit) if limit
    [step, task].each do |record|
      states = record.state_machine
      states.transition_to!('pending') if states.current_state == 'error'
    end
    work_on(task_id)
  end

  # @return [Hash{Symbol=>Object}] what telemetry made of an order, since the last one
  def traced
    id = place
    status = work_on(id)
    spans = spans()
    { status: status, current: current?(id, spans), spans: spans.map(&:name).tally.except('tasker.step.queued'),
      heard: heard, counted: counted }
  end

  # @return [Boolean] whether the span of the step that ships was the current one while its handler ran
  def current?(task_id, spans)
    span_id = Tasker::Task.find(task_id).get_step_by_name('ship').results['span_id']
    spans.any? { |span| span.id == span_id && span.attribute('step_name') == 'ship' }
  end

  # @return [Array<Tasker::Native::SpanData>] since the last time
  def spans
    return [] if Tasker::Native.stats[:accepted].zero? # telemetry may be off

    require 'tasker/native/testing'
    Tasker::Native::Testing.finished_spans.tap { Tasker::Native::Testing.reset! }
  end

  # @return [Hash{String=>Integer}] how often the app's subscriber heard of what, since the last time
  def heard
    names = Rails.configuration.x.heard.map(&:first)
    Rails.configuration.x.heard.clear
    names.tally
  end

  # @return [Hash{String=>Numeric}] what the engine's metrics have counted, since the last time
  def counted
    backend = Tasker::Telemetry::MetricsBackend.instance
    backend.all_metrics.transform_values(&:value).tap { backend.clear! }
  end
end

extend InTheShop # rubocop:disable Style/MixinUsage -- for scripts
