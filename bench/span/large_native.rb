# frozen_string_literal: true

require_relative '../support/large_native_span'

Subject.run(LargeNativeSpan.new)
