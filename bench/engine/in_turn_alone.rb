# frozen_string_literal: true

require_relative '../support/engine_alone'
require_relative '../support/engine_workflow'

# Five steps, one after the other.
class InTurnAlone < EngineAlone
  include EngineWorkflow
end

Subject.run(InTurnAlone.new('five_in_turn'))
