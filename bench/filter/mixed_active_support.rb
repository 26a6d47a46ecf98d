# frozen_string_literal: true

require_relative '../support/filter_subject'

Subject.run(ActiveSupportFilter.new('mixed'))
