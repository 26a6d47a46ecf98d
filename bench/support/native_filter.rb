# frozen_string_literal: true

require_relative 'filter_subject'

# By ours. values: whether values are looked into, too.
class NativeFilter < FilterSubject
  def initialize(kind, values: false)
    super(values ? 'tasker-native with scanners' : 'tasker-native', kind)
    @values = values
  end

  def prepare(_sink_url)
    require_relative '../../lib/tasker/native'
    @filter = Tasker::Native::ParameterFilter.new(@filters, filter_values: @values)
  end
end
