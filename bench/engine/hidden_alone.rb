# frozen_string_literal: true

require_relative '../support/engine_alone'
require_relative '../support/engine_step'

# The end of a step, whose line is not shown.
class HiddenAlone < EngineAlone
  include EngineStep
end

Subject.run(HiddenAlone.new(log_level: 'warn'))
