# frozen_string_literal: true

require_relative '../support/open_spans'

# Any one ends, so that no cache helps.
Subject.run(OpenSpans.new(stride: 618_033_989)) # far from each other, and without a common factor with sizes of 10^n
