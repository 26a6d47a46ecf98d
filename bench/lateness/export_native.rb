# frozen_string_literal: true

require_relative '../support/large_native_span'
require_relative '../support/paced'

# Ours publishes and exports at 10,000 spans a second.
class LatenessNative < LargeNativeSpan
  include Paced
end

Subject.run(LatenessNative.new(queue: 16_384))
