# frozen_string_literal: true

# Trace ids are derived from this seed and the id of the task, so that processes agree on them. The demo begins with an
# empty database each time, so ids of tasks come again: a seed of its own keeps its runs apart. Apps need none.
if ENV.key?('ORDERS_TRACE_SEED')
  Tasker.configuration { |config| config.telemetry.trace_seed = ENV.fetch('ORDERS_TRACE_SEED') }
end
