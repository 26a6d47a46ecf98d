# frozen_string_literal: true

desc 'Kill producers and collector, fill the disk, let the clock jump (MINUTES=5 SEED=n); nothing acknowledged is lost'
task chaos: :compile do
  require_relative '../spec/support/chaos'

  minutes = Float(ENV.fetch('MINUTES', '5'))
  seed = Integer(ENV.fetch('SEED', rand(1_000_000)))
  puts "chaos: #{minutes} minutes, SEED=#{seed}"
  result = Chaos.new(seconds: minutes * 60, seed: seed).run { |line| puts "chaos: #{line}" }
  puts "chaos: #{result.figures.map { |what, count| "#{what} #{count}" }.join(', ')}"
  abort "chaos: VIOLATED (SEED=#{seed}): #{result.violations.join("\nchaos: ")}" if result.violations.any?
  puts 'chaos: nothing that was acknowledged is missing, nothing is broken'
end
