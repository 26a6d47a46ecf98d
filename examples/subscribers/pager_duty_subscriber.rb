# frozen_string_literal: true

require 'json'
require 'net/http'
require 'socket'

# Calls somebody when a task failed, or a step at its last attempt: one incident a task, which ends when somebody
# settles the task or has it run again. It tells names, ids and the class of the error; messages stay here, since
# listeners get them unfiltered.
#
#   PagerDutySubscriber.subscribe(Tasker::Events::Publisher.instance) # asks PAGERDUTY_ROUTING_KEY
#
# It sends where the event is published, so that nothing is lost when the process ends after a failure. What PagerDuty
# does not take within a few seconds is logged.
class PagerDutySubscriber < Tasker::Events::Subscribers::BaseSubscriber
  URL = 'https://events.pagerduty.com/v2/enqueue'
  TIMEOUT = 2 # seconds to connect, to write, to read

  subscribe_to 'task.failed', 'step.failed', 'task.retry_requested', 'task.resolved_manually'

  def initialize(routing_key: ENV.fetch('PAGERDUTY_ROUTING_KEY'), url: URL, **options)
    super(**options)
    @routing_key = routing_key
    @url = URI(url)
  end

  def handle_task_failed(event)
    name = safe_get(event, :task_name, 'unknown')
    trigger(event, "Task #{name} failed", name,
            extract_timing_metrics(event).slice(:step_count, :completed_steps, :failed_steps))
  end

  def handle_step_failed(event)
    error = extract_error_metrics(event)
    return unless error[:final_failure]

    name = safe_get(event, :step_name, 'unknown')
    trigger(event, "Step #{name} failed: #{error[:error_class]}", name,
            error.slice(:error_class, :error_type, :attempt_number))
  end

  def handle_task_retry_requested(event)
    deliver(event, 'resolve')
  end
  alias handle_task_resolved_manually handle_task_retry_requested

  # Errors may print who raised them: not with the key.
  def inspect
    "#<#{self.class.name}>"
  end

  private

  def trigger(event, summary, component, details)
    deliver(event, 'trigger', payload: { summary: summary[0, 1024], severity: 'error', source: Socket.gethostname,
                                         component: component, group: 'tasker', class: event.id,
                                         custom_details: { **extract_core_attributes(event), **details } })
  end

  def deliver(event, action, **more)
    body = { routing_key: @routing_key, event_action: action,
             dedup_key: "tasker/#{extract_core_attributes(event)[:task_id]}", **more }
    response = post(JSON.generate(body))
    raise "PagerDuty answered #{response.code}" unless response.is_a?(Net::HTTPSuccess)
  end

  def post(body)
    Net::HTTP.start(@url.host, @url.port, use_ssl: @url.scheme == 'https', open_timeout: TIMEOUT,
                                          write_timeout: TIMEOUT, read_timeout: TIMEOUT) do |http|
      http.post(@url.path, body, 'Content-Type' => 'application/json')
    end
  end
end
