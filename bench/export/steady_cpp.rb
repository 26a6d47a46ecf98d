# frozen_string_literal: true

require_relative '../support/cpp_spans'
require_relative '../support/steady'

# The C++ SDK at an even rate, which the program keeps.
class SteadyCpp < CppSpans
  include Steady

  private

  def run(count)
    CppSpans.instance_method(:run).bind_call(self, count)
  end
end

Subject.run(SteadyCpp.new(iterations: 30_000, burst: Steady::BURST))
