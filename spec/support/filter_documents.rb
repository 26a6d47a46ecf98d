# frozen_string_literal: true

require 'date'

# Makes documents and lists of filters.
class FilterDocuments
  # Few letters, so that filters hit; and letters that fold to others.
  LETTERS = %w[a b k s p w o r d t e n _ - . + A B K S ü Ü ß ё Ё ﬁ].push(' ', "\n", "\0", "\u0130", "\u017F", "\u1E9E",
                                                                         "\u212A").freeze
  WORDS = %w[password token PASSWORD paſſword toKen größe GRÖSSE api_key card number card.number user].freeze
  PROCS = [
    ->(_key, value) { value.replace('changed') if value.is_a?(String) && value.include?('a') },
    ->(key, value) { value.reverse! if key.to_s.include?('a') && value.is_a?(String) },
    ->(key, value, all) { value << key.to_s << all.size.to_s if value.is_a?(String) && all },
    proc { |_key, value| value.upcase! if value.is_a?(String) }
  ].freeze

  def initialize(seed)
    @random = Random.new(seed)
  end

  def hash(depth = 1)
    pairs = Array.new(@random.rand(depth == 1 ? 1..9 : 0..5)) { [key, value(depth)] }.to_h
    @random.rand(12).zero? ? pairs.transform_keys(&:to_s).with_indifferent_access : pairs
  end

  def filters
    Array.new(@random.rand(0..5)) { filter }
  end

  private

  def pick(list)
    list[@random.rand(list.size)]
  end

  def text(sizes)
    @random.rand(5).zero? ? pick(WORDS) : Array.new(@random.rand(sizes)) { pick(LETTERS) }.join
  end

  def key
    case @random.rand(12)
    when 0..5 then text(0..6)
    when 6..8 then text(1..6).to_sym
    when 9 then @random.rand(100)
    when 10 then pick([nil, true, 1.5, 'user', :token, Date.new(2026, 1, 2), [1, 'a']])
    else text(1..6).gsub(/[^[:ascii:]]/, '').force_encoding(pick([Encoding::BINARY, Encoding::US_ASCII]))
    end
  end

  def value(depth)
    case @random.rand(depth < 5 ? 10 : 6)
    when 0 then @random.rand(1000)
    when 1 then pick([nil, true, false, 1.5, :symbol, 2**70, Date.new(2026, 1, 2)])
    when 2..5 then text(0..8)
    when 6, 7 then Array.new(@random.rand(4)) { value(depth + 1) }
    else hash(depth + 1)
    end
  end

  def filter
    case @random.rand(10)
    when 0..2 then text(1..3)
    when 3, 4 then text(1..3).to_sym
    when 5 then @random.rand(100)
    when 6 then "#{text(1..2)}.#{text(1..2)}"
    when 7, 8 then regexp
    else pick(PROCS)
    end
  end

  def regexp
    part = Regexp.escape(text(1..2))
    source = pick([part, "\\A#{part}", "#{part}\\z", "^#{part}$", "#{part}.*#{Regexp.escape(text(0..1))}", '[ab]{2}',
                   "#{part}|#{Regexp.escape(text(1..2))}", "(?-i:#{part})x?", "#{part}\\.#{part}", '\A\z'])
    Regexp.new(source, pick([0, Regexp::IGNORECASE, Regexp::MULTILINE, Regexp::EXTENDED]))
  end
end
