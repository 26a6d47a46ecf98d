# frozen_string_literal: true

require_relative '../support/engine_alone'
require_relative '../support/engine_task'

# The end of a task, whose line is written.
class TaskAlone < EngineAlone
  include EngineTask
end

Subject.run(TaskAlone.new)
