# frozen_string_literal: true

# How often: rounds of a comparison, operations of a subject in a round (nil: as many as the subject thinks right).
Options = Struct.new(:rounds, :iterations) do
  def self.from_environment
    new(Integer(ENV.fetch('BENCH_ROUNDS', '5')), ENV['BENCH_ITERATIONS']&.then { |count| Integer(count) }).check
  end

  def check
    raise ArgumentError, 'at least one round and one iteration' if [rounds, iterations].compact.any? { |n| n < 1 }

    self
  end

  def to_s
    "#{rounds} rounds, #{iterations ? "#{iterations} iterations of everything" : 'iterations as shown'}"
  end
end
