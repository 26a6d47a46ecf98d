# frozen_string_literal: true

require_relative '../support/large_native_span'
require_relative '../support/steady'

# Ours at an even rate, without gzip.
class SteadyNative < LargeNativeSpan
  include Steady
end

Subject.run(SteadyNative.new(iterations: 30_000, burst: Steady::BURST, compression: 'none'))
