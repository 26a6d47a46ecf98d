# frozen_string_literal: true

require 'json'
require 'yaml'

# Calls of the concern's methods, and what they published: once recorded from tasker-engine, once from ours, with the
# same objects. Knows neither of the two.
class ConcernCalls
  ATTEMPTED = Time.utc(2026, 1, 2, 3, 4, 5)
  # The keys whose values tell the time of the call.
  MOVING = %i[timestamp scheduled_for current_execution_duration].freeze

  Step = Struct.new(:workflow_step_id, :name, :task_id, :task, :status, :attempts, :retry_limit, :inputs, :results,
                    :last_attempted_at, :processed_at, :parents, :created_at, :updated_at, keyword_init: true)
  Task = Struct.new(:task_id, :name, :context, :status, :created_at, :workflow_steps, keyword_init: true)

  # @return [Hash{String=>Hash}] by call: what tasker-engine published
  def self.recorded
    YAML.load_file(File.expand_path('../fixtures/concern_payloads.yml', __dir__))
  end

  # @param host [Object] that includes the concern
  # @param published [Array(String, Hash)] where what was published arrives
  def initialize(host, published)
    @host = host
    @published = published
  end

  # @return [Hash{String=>Hash}] by call: event and payload, made comparable
  def results
    calls.to_h do |description, call|
      @published.clear
      call.call
      event, payload = @published.first
      [description, { 'event' => event, 'payload' => comparable(payload) }]
    end
  end

  private

  def calls
    calls = {}
    simple_calls.each do |method, (arguments, keywords)|
      calls[method.to_s] = -> { @host.public_send(method, *arguments, **keywords) }
      calls["#{method}, with context"] = lambda do
        @host.public_send(method, *arguments, **keywords, event_type: 'own', more: { a: 1 })
      end
    end
    { **calls, **step_calls, **failure_calls, **task_calls, **context_calls }
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
      'publish_step_started, first attempt' => lambda do
        @host.publish_step_started(step(attempts: nil, last_attempted_at: nil, processed_at: nil, parents: []))
      end,
      'publish_step_completed, without times and results' => lambda do
        @host.publish_step_completed(step(last_attempted_at: nil, processed_at: nil, results: {}))
      end,
      'publish_step_completed, end of an earlier attempt' => lambda do
        @host.publish_step_completed(step(processed_at: ATTEMPTED - 60))
      end,
      'publish_step_retry_requested, with reason' => lambda do
        @host.publish_step_retry_requested(step, retry_reason: 'timeout')
      end,
      'publish_step_backoff, with type' => lambda do
        @host.publish_step_backoff(step, backoff_seconds: 1.5, backoff_type: 'server_requested')
      end
    }
  end

  def failure_calls
    error = ArgumentError.new('no').tap { |raised| raised.set_backtrace(Array.new(20) { |line| "a.rb:#{line}" }) }
    {
      'publish_step_failed, with its error' => -> { @host.publish_step_failed(step, error: error) },
      'publish_step_failed, with an error in the results' => lambda do
        @host.publish_step_failed(step(results: { 'error' => 'gone', 'backtrace' => ['b.rb:1'] }))
      end,
      'publish_step_failed, with exception_class' => lambda do
        @host.publish_step_failed(step, error_message: 'mine', exception_class: 'Own')
      end
    }
  end

  def task_calls
    {
      'publish_task_completed, all steps complete' => lambda do
        @host.publish_task_completed(task(steps: [step(status: 'complete'), step(status: 'resolved_manually')]))
      end,
      'publish_task_completed, no steps' => -> { @host.publish_task_completed(task(steps: [])) },
      'publish_task_failed, with steps' => lambda do
        @host.publish_task_failed(task, error_message: 'Out of stock', error_steps: ['ship'])
      end,
      'publish_custom_event' => lambda do
        @host.publish_custom_event('custom.event', { order_id: 5, event_type: 'mine', timestamp: 1 })
      end
    }
  end

  def context_calls
    hints = %i[started execution_requested completed success failed failure error retry retry_requested cancelled]
    by_hint = hints.to_h do |hint|
      ["publish_step_event_for_context, #{hint}",
       -> { @host.publish_step_event_for_context(step, context_hint: hint, more: 1) }]
    end
    by_status = %w[pending in_progress complete error cancelled resolved_manually].to_h do |status|
      ["publish_step_event_for_context, a step that is #{status}",
       -> { @host.publish_step_event_for_context(step(status: status)) }]
    end
    { **by_hint, **by_status }
  end

  def step(**values)
    Step.new(workflow_step_id: 21, name: 'fetch_cart', task_id: 7, task: Task.new(task_id: 7, name: 'order_process'),
             status: 'in_progress', attempts: 2, retry_limit: 3, inputs: { 'a' => 1 }, results: { 'items' => 3 },
             last_attempted_at: ATTEMPTED, processed_at: ATTEMPTED + 1.2345r, parents: [Step.new(name: 'first')],
             created_at: ATTEMPTED - 1, updated_at: ATTEMPTED + 2, **values)
  end

  def task(steps: [step(status: 'complete'), step(status: 'error'), step(status: 'in_progress')])
    Task.new(task_id: 7, name: 'order_process', context: { 'cart_id' => 5 }, status: 'in_progress',
             created_at: ATTEMPTED - 10, workflow_steps: steps)
  end

  def comparable(payload)
    payload.to_h do |key, value|
      value = kind_of(value) if MOVING.include?(key) && !value.nil?
      [key.to_s, JSON.parse(JSON.generate([value])).first]
    end
  end

  def kind_of(value)
    case value
    when /\A\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\z/ then 'now, as text'
    when Float then 'a Float'
    else value.respond_to?(:strftime) ? 'a Time' : value
    end
  end
end
