# frozen_string_literal: true

require_relative '../support/large_native_span'

# Without gzip, which would otherwise be half of it.
Subject.run(LargeNativeSpan.new(iterations: 200_000, burst: 1024, compression: 'none'))
