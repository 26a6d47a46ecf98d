# frozen_string_literal: true

require_relative 'figures'
require_relative 'number'

# What a figure of a comparison should be.
class Target
  # got: nil if it was not measured, for instance because sizes were left out.
  Verdict = Struct.new(:what, :relation, :wanted, :got, keyword_init: true) do
    def word
      return 'not measured' unless got

      got.public_send(relation, wanted) ? 'holds' : 'MISSED'
    end

    def to_s
      "target  #{what}  wanted #{relation} #{Number.short(wanted)}  got #{got ? Number.short(got) : '-'}  #{word}"
    end
  end

  # got: is given the Figures
  def initialize(what, relation, wanted, &got)
    @what = what
    @relation = relation
    @wanted = wanted
    @got = got
  end

  # Compared as it is printed, so that 0.0004 objects are none.
  def judge(figures)
    got = @got.call(figures)&.round(2)
    Verdict.new(what: @what, relation: @relation, wanted: @wanted, got: got)
  end
end
