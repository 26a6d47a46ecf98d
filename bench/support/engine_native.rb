# frozen_string_literal: true

require_relative 'engine_subject'
require_relative 'native_spans'

# tasker-engine with tasker-native.
class EngineNative < NativeSpans
  include EngineSubject

  EXECUTIONS = 1 # spans of a step that runs once

  def initialize(**options)
    super
    @name = 'with tasker-native'
  end

  def prepare(sink_url)
    boot('tasker-native')
    super
  end
end
