# frozen_string_literal: true

require_relative 'support/comparison'
require_relative 'support/cpp_program'

# What is compared, and what should come of it: each file in comparisons/ defines some.
module Comparisons
  @all = []

  class << self
    attr_reader :all

    # See Comparison#initialize.
    def define(name, title, &)
      @all << Comparison.new(name, title, &)
    end

    # By name, or by the first part of it.
    def named(wanted)
      all.select { |comparison| comparison.named?(wanted) }
    end
  end
end

%w[publish step line span lateness export growth outage filter metrics engine].each do |name|
  require_relative "comparisons/#{name}"
end
