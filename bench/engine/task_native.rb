# frozen_string_literal: true

require_relative '../support/engine_native'
require_relative '../support/engine_task'

# The end of a task, whose line is written.
class TaskNative < EngineNative
  include EngineTask
end

Subject.run(TaskNative.new)
