# frozen_string_literal: true

# How often: rounds of a comparison, operations of a subject in a round (nil: as many as the subject thinks right), and
# the largest size that is measured (nil: all).
Options = Struct.new(:rounds, :iterations, :largest) do
  def self.from_environment
    numbers = %w[BENCH_ROUNDS BENCH_ITERATIONS BENCH_LARGEST].map { |name| ENV[name]&.then { |text| Integer(text) } }
    new(*numbers).check
  end

  def initialize(rounds = nil, iterations = nil, largest = nil)
    super(rounds || 5, iterations, largest)
  end

  def check
    raise ArgumentError, 'numbers must be 1 or more' if to_a.compact.any? { |number| number < 1 }

    self
  end

  # Without those that are too large; the smallest size is always wanted.
  # subjects: 'span/small_native', 'growth/subscribers_native@64'
  def wanted(subjects)
    smallest = subjects.filter_map { |subject| size(subject) }.min
    subjects.select { |subject| largest.nil? || size(subject).nil? || size(subject) <= [largest, smallest].max }
  end

  # As bench/run.rb takes them.
  def to_arguments
    to_h.compact.flat_map { |name, number| ["--#{name}", number.to_s] }
  end

  def to_s
    "#{rounds} rounds, #{iterations ? "#{iterations} iterations of everything" : 'iterations as shown'}" \
      "#{", sizes up to #{largest}" if largest}"
  end

  private

  def size(subject)
    subject[/@(\d+)/, 1]&.to_i
  end
end
