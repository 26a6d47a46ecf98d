#!/usr/bin/env ruby
# frozen_string_literal: true

# What publishing and tracing cost, beside what others take for the same work. `--help` tells how to use it.

ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)
require 'bundler/setup'
require 'json'
require 'optparse'
require_relative 'comparisons'
require_relative 'support/machine'
require_relative 'support/options'
require_relative 'support/page'
require_relative 'support/results'
require_relative 'support/root_run'
require_relative 'support/sink'

USAGE = <<~TEXT.freeze
  Compares what publishing and tracing cost with what others take for the same work, and says which targets hold.

  Usage: ruby bench/run.rb [options] [NAME]...

  NAME is one of these, or the first part of some. Without a name, all are run.
  #{Comparisons.all.map(&:name).each_slice(7).map { |names| names.join(' ') }.join("\n  ")}

  Each subject is a file that also runs alone (ruby bench/span/small_native.rb) and gets a process of its own for each
  round; the subjects of a comparison take turns. What they give out is compared before the clock starts, and counted
  when it has stopped: a span that did not reach the receiver makes the run fail. Figures are medians of the rounds.
  What is being done goes to standard error. What this machine lacks is run by bin/root, if this is root.

TEXT

# What to do with the results: save them, print them for a program; and whether bin/root may be used.
Uses = Struct.new(:save, :json, :here)

# => [options, uses]
def parse(arguments)
  options = Options.from_environment
  uses = Uses.new
  OptionParser.new(USAGE) do |parser|
    add_numbers(parser, options)
    parser.on('--save', 'write what was found to docs/benchmarks/results.json and the pages') { uses.save = true }
    parser.on('--json', 'print that as the last line, for programs') { uses.json = true }
    parser.on('--here', 'leave out what only bin/root can run') { uses.here = true }
    parser.on('--list', 'the subjects') do
      puts Comparisons.all.flat_map(&:files).uniq
      exit
    end
  end.parse!(arguments)
  [options.check, uses]
end

def add_numbers(parser, options)
  parser.on('--rounds N', Integer, "default #{options.rounds}, or BENCH_ROUNDS") { |rounds| options.rounds = rounds }
  parser.on('--iterations N', Integer, "of each subject; default: each subject's own, or BENCH_ITERATIONS") do |count|
    options.iterations = count
  end
  parser.on('--largest N', Integer, 'leave out sizes above N, but for the smallest one; or BENCH_LARGEST') do |size|
    options.largest = size
  end
end

def chosen(names)
  unknown = names.select { |name| Comparisons.named(name).empty? }
  abort "bench: there is no #{unknown.join(', ')}. Next: ruby bench/run.rb --help" unless unknown.empty?

  names.empty? ? Comparisons.all : names.flat_map { |name| Comparisons.named(name) }.uniq(&:name)
end

# => { name => entry }
def run(comparison, options, uses, sink)
  if comparison.lack.nil?
    outcome = comparison.run(options, sink) { |progress| warn progress }
    puts outcome.lines
    { comparison.name => Results.entry(outcome, options) }
  elsif (hindrance = uses.here ? '--here' : RootRun.hindrance)
    puts '', "#{comparison.name}: not run. It needs #{comparison.lack}; #{hindrance}"
    {}
  else
    warn "#{comparison.name}: in bin/root, because it needs #{comparison.lack}"
    RootRun.new(comparison, options).run { |line| puts line }
  end
end

# The last line of a run.
def summary(entries)
  words = entries.each_value.flat_map { |entry| entry['targets'].map { |target| target['word'] } }.tally
  "targets: #{words.empty? ? 'none' : words.map { |word, count| "#{count} #{word}" }.join(', ')}"
end

begin
  options, uses = parse(ARGV)
  $stdout.sync = true
  comparisons = chosen(ARGV)
  puts Machine.lines, options
  entries = Sink.open do |sink|
    comparisons.map { |comparison| run(comparison, options, uses, sink) }.reduce({}, :merge)
  end
  puts uses.json ? "result: #{JSON.generate(entries)}" : ['', summary(entries)]
  if uses.save
    Results.new.save(entries)
    Page.all.each(&:update)
  end
rescue Comparison::Failed, OptionParser::ParseError, ArgumentError => e
  abort "bench: #{e.message}"
end
