# frozen_string_literal: true

# Prints what the concern of tasker-engine publishes for a list of calls, and for which tasks and steps. Both are real:
# a booted Rails app, records in PostgreSQL. Nothing of tasker-native is loaded.
#
#   bin/engine exec ruby rakelib/golden/record.rb

ENV['RAILS_ENV'] = 'test'

require_relative 'engine_records'
require_relative '../../spec/engine/support/engine_app'
require 'tasker' # its engine alone has no configuration yet when the app is initialized
require_relative '../../spec/support/concern_calls'
require_relative '../../spec/support/golden_models'

def publishing
  [].tap do |published|
    publisher = Tasker::Events::Publisher.instance
    publisher.__bus__.events.each_key do |name|
      publisher.subscribe(name) { |event| published << [event.id, event.payload] }
    end
  end
end

log = EngineApp.start
records = EngineRecords.new
host = Tasker::Orchestration::TaskFinalizer.new # one of those that include the concern
calls = ConcernCalls.new(host, publishing, records)
fixture = { records: records.names.to_h { |name| [name, GoldenModels.attributes_of(records.task(name))] },
            calls: calls.results }

failures = log.string.lines.grep(/Error publishing|logging failed/)
abort "The engine had failures:\n#{failures.join}" if failures.any?
called = [*calls.methods_called, :infer_step_event_type_from_state] # which publishes nothing, but is asked
missing = Tasker::Concerns::EventPublisher.public_instance_methods(false) - called
abort "Nothing calls #{missing.join(', ')}" if missing.any?

puts "# What tasker-engine #{Tasker::VERSION} publishes for the calls in spec/support/concern_calls.rb.",
     '# Written by: rake golden:record', YAML.dump(fixture, line_width: -1).delete_prefix("---\n")
