# frozen_string_literal: true

require_relative '../support/engine_native'
require_relative '../support/engine_workflow'

# Five steps, all at once.
class AtOnceNative < EngineNative
  include EngineWorkflow
end

Subject.run(AtOnceNative.new('five_at_once'))
