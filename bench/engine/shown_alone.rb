# frozen_string_literal: true

require_relative '../support/engine_alone'
require_relative '../support/engine_step'

# The end of a step, whose line is written.
class ShownAlone < EngineAlone
  include EngineStep
end

Subject.run(ShownAlone.new)
