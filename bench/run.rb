#!/usr/bin/env ruby
# frozen_string_literal: true

# What publishing and tracing cost, beside what others take for the same work. `--help` tells how to use it.

ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)
require 'bundler/setup'
require 'optparse'
require_relative 'comparisons'
require_relative 'support/machine'
require_relative 'support/options'
require_relative 'support/sink'

USAGE = <<~TEXT.freeze
  Compares what publishing and tracing cost with what others take for the same work.

  Usage: ruby bench/run.rb [options] [NAME]...

  NAME is one of #{Comparisons.all.map(&:name).join(', ')},
  or the first part of some. Without a name, all are run.

  Each subject is a file that also runs alone (ruby bench/span/small_native.rb) and gets a process of its own for each
  round; the subjects of a comparison take turns. What they give out is compared before the clock starts, and counted
  when it has stopped: a span that did not reach the receiver makes the run fail. Figures are medians of the rounds.
  What is being done goes to standard error.

TEXT

def parse(arguments)
  options = Options.from_environment
  OptionParser.new(USAGE) do |parser|
    parser.on('--rounds N', Integer, "default #{options.rounds}, or BENCH_ROUNDS") { |rounds| options.rounds = rounds }
    parser.on('--iterations N', Integer, "of each subject; default: each subject's own, or BENCH_ITERATIONS") do |count|
      options.iterations = count
    end
    parser.on('--largest N', Integer, 'leave out sizes above N, but for the smallest one; or BENCH_LARGEST') do |size|
      options.largest = size
    end
    parser.on('--list', 'the subjects') do
      puts Comparisons.all.flat_map(&:files).uniq
      exit
    end
  end.parse!(arguments)
  options.check
end

def chosen(names)
  unknown = names.select { |name| Comparisons.named(name).empty? }
  abort "bench: there is no #{unknown.join(', ')}. Next: ruby bench/run.rb --help" unless unknown.empty?

  names.empty? ? Comparisons.all : names.flat_map { |name| Comparisons.named(name) }.uniq(&:name)
end

# => [outcome of each]
def run(comparisons, options)
  puts Machine.lines, options
  Sink.open do |sink|
    comparisons.map do |comparison|
      comparison.run(options, sink) { |progress| warn progress }.tap { |outcome| puts outcome.lines }
    end
  end
end

# The last line of a run.
def summary(verdicts)
  words = verdicts.map(&:word).tally
  "targets: #{words.empty? ? 'none' : words.map { |word, count| "#{count} #{word}" }.join(', ')}"
end

begin
  options = parse(ARGV)
  $stdout.sync = true
  outcomes = run(chosen(ARGV), options)
  puts '', summary(outcomes.flat_map(&:verdicts))
rescue Comparison::Failed, OptionParser::ParseError, ArgumentError => e
  abort "bench: #{e.message}"
end
