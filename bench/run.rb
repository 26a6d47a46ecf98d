#!/usr/bin/env ruby
# frozen_string_literal: true

# What publishing and tracing cost, beside what others take for the same work. `--help` tells how to use it.

ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)
require 'bundler/setup'
require 'optparse'
require_relative 'support/comparison'
require_relative 'support/machine'
require_relative 'support/options'
require_relative 'support/sink'

COMPARISONS = [
  Comparison.new('publish', 'publish an event that nobody listens to',
                 %w[publish/unheard_native publish/unheard_notifications publish/unheard_dry_events]),
  Comparison.new('publish', 'publish an event that one Ruby block listens to, telemetry off',
                 %w[publish/heard_native publish/heard_notifications publish/heard_dry_events]),
  Comparison.new('span', 'a span from beginning to collector: an event, and the attributes that name it',
                 %w[span/small_native span/small_opentelemetry]),
  Comparison.new('span', 'a span from beginning to collector: 8 attributes, an event and a status',
                 %w[span/large_native span/large_opentelemetry]),
  Comparison.new('step', 'publish_step_completed(step): standard payload and span, beside one publish of dry-events',
                 %w[step/completed_native step/completed_dry_events])
].freeze

USAGE = <<~TEXT.freeze
  Compares what publishing and tracing cost with what others take for the same work.

  Usage: ruby bench/run.rb [options] [#{COMPARISONS.map(&:name).uniq.join('|')}]...

  Each subject is a file that also runs alone (ruby bench/span/small_native.rb) and gets a process of its own for each
  round; the subjects of a comparison take turns. What they give out is compared before the clock starts, and counted
  when it has stopped: a span that did not reach the receiver makes the run fail. Figures are medians of the rounds.

TEXT

def parse(arguments)
  options = Options.from_environment
  OptionParser.new(USAGE) do |parser|
    parser.on('--rounds N', Integer, "default #{options.rounds}, or BENCH_ROUNDS") { |rounds| options.rounds = rounds }
    parser.on('--iterations N', Integer, "of each subject; default: each subject's own, or BENCH_ITERATIONS") do |count|
      options.iterations = count
    end
    parser.on('--list', 'the subjects') do
      COMPARISONS.each { |comparison| puts comparison.files }
      exit
    end
  end.parse!(arguments)
  options.check
end

def chosen(names)
  unknown = names - COMPARISONS.map(&:name)
  abort "bench: there is no #{unknown.join(', ')}. Next: ruby bench/run.rb --help" unless unknown.empty?
  return COMPARISONS if names.empty?

  COMPARISONS.select { |comparison| names.include?(comparison.name) }
end

begin
  options = parse(ARGV)
  comparisons = chosen(ARGV)
  puts Machine.lines, options
  Sink.open do |sink|
    comparisons.each { |comparison| comparison.run(options, sink) { |line| puts line } }
  end
rescue Comparison::Failed, OptionParser::ParseError, ArgumentError => e
  abort "bench: #{e.message}"
end
