# frozen_string_literal: true

require_relative '../support/cpp_spans'

# Without gzip, which it does not have by default.
Subject.run(CppSpans.new(iterations: 100_000, burst: 1024))
