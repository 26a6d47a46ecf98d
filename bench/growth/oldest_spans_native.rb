# frozen_string_literal: true

require_relative '../support/open_spans'

# The oldest one ends, as steps usually do.
Subject.run(OpenSpans.new(stride: 1))
