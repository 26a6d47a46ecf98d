# frozen_string_literal: true

require_relative '../support/native_filter'

# Documents with a key that was never seen before: what is kept of them.
class KeysFiltered < NativeFilter
  LARGE = 50_000 # bytes of every thousandth key

  def initialize
    super('mixed')
    @iterations = size
    @burst = size
    @numbers = 0
  end

  def name
    "#{super}, #{size} keys"
  end

  def publish(first, last)
    filter = @filter
    (first...last).each do |number|
      @result = filter.filter(key(number) => number)
    end
    @filtered += last - first
  end

  # Which are unique in the process, so that facts can't be compared.
  def facts
    {}
  end

  def figures(meter)
    GC.start
    super.merge(grown: Memory.resident - @before, symbols: Symbol.all_symbols.size - @symbols,
                large: ObjectSpace.each_object(String).count { |string| string.bytesize >= LARGE })
  end

  private

  def warm_up
    super
    GC.start
    @before = Memory.resident
    @symbols = Symbol.all_symbols.size
  end

  def key(number)
    return "#{'large ' * (LARGE / 6)}#{number}" if (number % 1000).zero?

    number.even? ? "key #{number}" : :"symbol #{number}"
  end
end

Subject.run(KeysFiltered.new)
