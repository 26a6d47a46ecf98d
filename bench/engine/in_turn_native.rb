# frozen_string_literal: true

require_relative '../support/engine_native'
require_relative '../support/engine_workflow'

# Five steps, one after the other.
class InTurnNative < EngineNative
  include EngineWorkflow
end

Subject.run(InTurnNative.new('five_in_turn'))
