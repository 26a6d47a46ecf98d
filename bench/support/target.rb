# frozen_string_literal: true

require_relative 'figures'

# What a figure of a comparison should be.
class Target
  # got: nil if it was not measured, for instance because sizes were left out.
  Verdict = Struct.new(:what, :relation, :wanted, :got, keyword_init: true) do
    def word
      return 'not measured' unless got

      got.public_send(relation, wanted) ? 'holds' : 'MISSED'
    end

    def to_s
      got_text = got ? Target.number(got) : '-'
      "target  #{what}  wanted #{relation} #{Target.number(wanted)}  got #{got_text}  #{word}"
    end
  end

  # 1.75, 1,024, 0.003: as many digits as one can remember.
  def self.number(value)
    return value.round.to_s.gsub(/(\d)(?=(\d{3})+\z)/, '\1,') if value == value.round || value.abs >= 100

    format('%.2f', value)
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
