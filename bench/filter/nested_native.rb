# frozen_string_literal: true

require_relative '../support/native_filter'

Subject.run(NativeFilter.new('nested'))
