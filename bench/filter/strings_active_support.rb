# frozen_string_literal: true

require_relative '../support/active_support_filter'

Subject.run(ActiveSupportFilter.new('strings'))
