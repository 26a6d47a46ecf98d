# frozen_string_literal: true

require_relative '../support/engine_native'
require_relative '../support/engine_step'

# The end of a step, whose line is not shown.
class HiddenNative < EngineNative
  include EngineStep
end

Subject.run(HiddenNative.new(log_level: 'warn'))
