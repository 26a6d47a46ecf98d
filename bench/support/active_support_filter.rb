# frozen_string_literal: true

require_relative 'filter_subject'

# By ActiveSupport.
class ActiveSupportFilter < FilterSubject
  def initialize(kind)
    super('ActiveSupport::ParameterFilter', kind)
  end

  def prepare(_sink_url)
    require 'active_support'
    require 'active_support/parameter_filter'
    @filter = ActiveSupport::ParameterFilter.new(@filters)
  end
end
