# frozen_string_literal: true

# Records what the concern of tasker-engine publishes, with its own builder and bus, for a list of calls. Its
# WorkflowStep is the one thing that needs a database; here it counts what is in memory, by the same rules.
#
#   ruby rakelib/record_payloads.rb PATH_OF_THE_UNPACKED_GEM OUTPUT

require 'active_support/all'
require 'dry/events/publisher'
require 'logger'
require 'yaml'
require_relative '../spec/support/concern_calls'

engine, output = ARGV
$LOAD_PATH.unshift(File.join(engine, 'lib'))

# What the engine's files ask Rails for. Its log lines would need more of the engine.
Rails = Struct.new(:logger, :env).new(Logger.new(nil), ActiveSupport::StringInquirer.new('test'))
Time.zone = 'UTC'

require 'tasker/version'
require 'tasker/constants'
require 'tasker/concerns/event_publisher'
require 'tasker/events/publisher'

module Tasker
  # Stands in for the model.
  class WorkflowStep
    COMPLETE = %w[complete resolved_manually].freeze

    def self.task_completion_stats(task)
      steps = task.workflow_steps
      completed = steps.select { |step| COMPLETE.include?(step.status) }
      failed = steps.count { |step| step.status == 'error' }
      { total_steps: steps.size, completed_steps: completed.size, failed_steps: failed,
        pending_steps: steps.size - completed.size - failed,
        latest_completion_time: completed.filter_map(&:processed_at).max,
        all_complete: steps.any? && completed.size == steps.size }
    end
  end
end

published = []
publisher = Tasker::Events::Publisher.instance
events = [Tasker::Constants::TaskEvents, Tasker::Constants::StepEvents, Tasker::Constants::WorkflowEvents,
          Tasker::Constants::ObservabilityEvents::Task, Tasker::Constants::ObservabilityEvents::Step,
          Tasker::Constants::TestEvents]
names = events.flat_map { |owner| owner.constants.map { |constant| owner.const_get(constant) } }.uniq
names.each { |name| publisher.subscribe(name) { |event| published << [event.id, event.payload] } }

host = Class.new { include Tasker::Concerns::EventPublisher }.new
results = YAML.dump(ConcernCalls.new(host, published).results, line_width: -1)
File.write(output, <<~YAML)
  # What tasker-engine #{Tasker::VERSION} publishes for the calls in spec/support/concern_calls.rb.
  # Recorded by: rake golden:record
  #{results.delete_prefix("---\n").chomp}
YAML
