# frozen_string_literal: true

require_relative '../support/engine_alone'
require_relative '../support/engine_workflow'

# Five steps, all at once.
class AtOnceAlone < EngineAlone
  include EngineWorkflow
end

Subject.run(AtOnceAlone.new('five_at_once'))
