# frozen_string_literal: true

require_relative '../support/large_native_span'

# In bursts of two whole batches.
Subject.run(LargeNativeSpan.new(iterations: 200_000, burst: 1024))
