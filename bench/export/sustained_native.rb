# frozen_string_literal: true

require_relative '../support/large_native_span'
require_relative '../support/sustained'

# Ours, as fast as it can be without a loss.
class SustainedNative < LargeNativeSpan
  include Sustained
end

Subject.run(SustainedNative.new(iterations: 1_000_000))
