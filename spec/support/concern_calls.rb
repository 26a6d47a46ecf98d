# frozen_string_literal: true

require 'bigdecimal'
require 'yaml'

# Calls of the concern's methods, and what they publish: once recorded from tasker-engine, once from ours. Knows neither
# of the two, nor what its tasks and steps are.
class ConcernCalls
  # Wins over what the builders put in: one key at least of each part of a payload.
  CONTEXT = { event_type: 'own', retry_limit: 9, step_dependencies: ['own'], execution_duration: 9.5,
              backoff_strategy: 'own', total_steps: 9, task_context: 'own', orchestration_event: false,
              more: { a: 1 } }.freeze
  NOW = /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/

  # @return [Hash] :records, for {GoldenModels}, and :calls: what tasker-engine published, as {#results} has it
  def self.recorded
    @recorded ||= YAML.load_file(File.expand_path('../fixtures/concern_payloads.yml', __dir__),
                                 permitted_classes: [Symbol, Time])
  end

  # @param host [Object] that includes the concern
  # @param published [Array(String, Hash)] where what was published arrives
  # @param models [#task, #step] by name
  def initialize(host, published, models)
    @host = host
    @published = published
    @models = models
  end

  # @return [Hash{String=>Hash}] by call: event and payload, made comparable; nil where nothing was published
  def results
    calls.transform_values do |call|
      @published.clear
      call.call
      event, payload = @published.first
      { event: event, payload: payload && comparable(payload) }
    end
  end

  # @return [Array<Symbol>] the methods that are called
  def methods_called
    calls.keys.map { |description| description[/\w+/].to_sym }.uniq
  end

  private

  def calls
    plain = simple_calls.flat_map do |method, (arguments, keywords)|
      [[method.to_s, -> { @host.public_send(method, *arguments, **keywords) }],
       ["#{method}, with context", -> { @host.public_send(method, *arguments, **keywords, **CONTEXT) }]]
    end
    { **plain.to_h, **step_calls, **failure_calls, **task_calls, **argument_calls, **context_calls }
  end

  def simple_calls
    of_steps = %i[started before_handle completed failed retry_requested cancelled].to_h do |name|
      [:"publish_step_#{name}", [[step], {}]]
    end
    of_tasks = %i[task_started task_completed task_failed task_retry_requested task_pending_transition task_enqueue
                  task_finalization_started task_finalization_completed workflow_state_unclear task_reenqueue_started
                  task_reenqueue_requested task_reenqueue_failed].to_h { |name| [:"publish_#{name}", [[task], {}]] }
    { **of_steps, **of_tasks,
      publish_step_backoff: [[step], { backoff_seconds: 4 }],
      publish_workflow_task_started: [[7], {}],
      publish_workflow_step_completed: [[7, 21], {}],
      publish_viable_steps_discovered: [[7, [21, 22]], {}],
      publish_no_viable_steps: [[7], {}],
      publish_task_reenqueue_delayed: [[task], { delay_seconds: 30 }],
      publish_steps_execution_started: [[task], { step_count: 2 }],
      publish_steps_execution_completed: [[task], { processed_count: 2, successful_count: 1 }] }
  end

  def step_calls
    {
      'publish_step_started, no attempt so far' => -> { @host.publish_step_started(step('ship_order')) },
      'publish_step_started, no parents' => -> { @host.publish_step_started(step('fetch_cart')) },
      'publish_step_completed, no times nor results' => -> { @host.publish_step_completed(step('ship_order')) },
      'publish_step_completed, end of an earlier attempt' => -> { @host.publish_step_completed(step('print_label')) },
      'publish_step_retry_requested, with reason' => lambda do
        @host.publish_step_retry_requested(step, retry_reason: 'timeout')
      end,
      'publish_step_backoff, with type' => lambda do
        @host.publish_step_backoff(step, backoff_seconds: 1.5, backoff_type: 'server_requested')
      end
    }
  end

  def failure_calls
    {
      'publish_step_failed, with its error' => -> { @host.publish_step_failed(step, error: error) },
      'publish_step_failed, with an error in the results' => -> { @host.publish_step_failed(step('reserve_stock')) },
      'publish_step_failed, with exception_class' => lambda do
        @host.publish_step_failed(step, error_message: 'mine', exception_class: 'Own')
      end,
      'publish_step_failed, with exception_object' => lambda do
        @host.publish_step_failed(step, error_message: 'mine', exception_object: error)
      end
    }
  end

  def task_calls
    {
      'publish_task_completed, all steps complete' => -> { @host.publish_task_completed(task('refund_process')) },
      'publish_task_completed, no steps' => -> { @host.publish_task_completed(task('empty_process')) },
      'publish_task_completed, as the finalizer does' => lambda do
        refund = task('refund_process')
        @host.publish_task_completed(refund, task: refund, completed_at: refund.created_at, total_steps: 2,
                                             completion_percentage: BigDecimal('100'), health_status: 'healthy')
      end,
      'publish_task_failed, with steps' => lambda do
        @host.publish_task_failed(task, error_message: 'Out of stock', error_steps: ['ship'])
      end,
      'publish_custom_event' => lambda do
        @host.publish_custom_event('custom.event', { order_id: 5, event_type: 'mine', timestamp: 1 })
      end
    }
  end

  # The context has what an argument says, too.
  def argument_calls
    {
      'publish_no_viable_steps, context against argument' => -> { @host.publish_no_viable_steps(7, task_id: 8) },
      'publish_step_backoff, context against argument' => lambda do
        @host.publish_step_backoff(step, backoff_seconds: 4, step_name: 'own')
      end,
      'publish_step_failed, context against argument' => lambda do
        @host.publish_step_failed(step, error: error, error_message: 'own')
      end,
      'publish_task_reenqueue_requested, context against argument' => lambda do
        @host.publish_task_reenqueue_requested(task, task_name: 'own', timestamp: 'own')
      end
    }
  end

  def context_calls
    hints = %i[started execution_requested completed success failed failure error retry retry_requested cancelled
               unheard_of]
    by_hint = hints.to_h do |hint|
      ["publish_step_event_for_context, #{hint}",
       -> { @host.publish_step_event_for_context(step, context_hint: hint, more: 1) }]
    end
    by_status = %w[ship_order process_payment fetch_cart reserve_stock send_receipt print_label].to_h do |name|
      ["publish_step_event_for_context, a step that is #{step(name).status}",
       -> { @host.publish_step_event_for_context(step(name)) }]
    end
    { **by_hint, **by_status }
  end

  def step(name = 'process_payment')
    @models.step(name)
  end

  def task(name = 'order_process')
    @models.task(name)
  end

  def error
    ArgumentError.new('no').tap { |raised| raised.set_backtrace(Array.new(20) { |line| "a.rb:#{line}" }) }
  end

  def comparable(payload)
    payload.to_h { |key, value| [key, plain(without_now(key, value))] }
  end

  # What moves with the time of the call: its text, and the duration until then.
  def without_now(key, value)
    case [key, value]
    in [:timestamp, NOW] then 'now'
    in [:current_execution_duration, Float] then 'Float'
    else value
    end
  end

  # As YAML has it without tags: of what is more than that, the name of the class.
  def plain(value)
    case value
    when Hash then value.to_h { |key, inner| [key, plain(inner)] }
    when Array then value.map { |inner| plain(inner) }
    when String, Symbol, Integer, Float, true, false, nil then value.dup # the same String twice would be an alias
    else value.class.name
    end
  end
end
