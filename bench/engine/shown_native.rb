# frozen_string_literal: true

require_relative '../support/engine_native'
require_relative '../support/engine_step'

# The end of a step, whose line is written.
class ShownNative < EngineNative
  include EngineStep
end

Subject.run(ShownNative.new)
