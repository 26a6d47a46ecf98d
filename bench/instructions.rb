#!/usr/bin/env ruby
# frozen_string_literal: true

# How many instructions operations take, and whether that is more than the committed references say. `--help` tells how
# to use it.

ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)
require 'bundler/setup'
require 'optparse'
require_relative 'support/instruction_count'
require_relative 'support/instruction_references'
require_relative 'support/sink'

# Which threads of a subject are looked at: those that export have nothing to do in some.
SUBJECTS = {
  'publish/unheard_native' => %i[publishing],
  'publish/heard_native' => %i[publishing],
  'span/small_native' => %i[publishing exporting],
  'span/large_native' => %i[publishing exporting],
  'step/completed_native' => %i[publishing exporting],
  'export/plain_native' => %i[publishing exporting]
}.freeze
TOLERANCE = 0.05
OPERATIONS = 2000

USAGE = <<~TEXT.freeze
  Counts the instructions of an operation by valgrind's callgrind, for the publishing thread and for all others
  (exporting), and compares them with bench/instructions.yml. One that exceeds its reference by more than
  #{(TOLERANCE * 100).round} % makes the run fail. Repeated, a count differs by less than 1 %, however busy the machine is.

  Usage: ruby bench/instructions.rb [options] [SUBJECT]...

  SUBJECT is one of #{SUBJECTS.keys.join(', ')}. Without one, all are run.

TEXT

Settings = Struct.new(:file, :update, :operations)

def parse(arguments)
  settings = Settings.new(File.expand_path('instructions.yml', __dir__), false, OPERATIONS)
  OptionParser.new(USAGE) do |parser|
    parser.on('--update', 'write the counts as references for this Ruby') { settings.update = true }
    parser.on('--references FILE', 'instead of bench/instructions.yml') { |file| settings.file = file }
    parser.on('--operations N', Integer, "in a window; default #{OPERATIONS}") { |count| settings.operations = count }
  end.parse!(arguments)
  unknown = arguments - SUBJECTS.keys
  raise ArgumentError, "there is no #{unknown.join(', ')}. Next: ruby bench/instructions.rb --help" if unknown.any?

  settings
end

# => { subject => { thread => instructions } }
def count(subjects, settings)
  Sink.open do |sink|
    subjects.to_h do |subject|
      warn "instructions: #{subject}"
      counts = InstructionCount.new(subject, settings.operations).take(sink.url_for(subject.tr('/', '_')))
      [subject, counts.slice(*SUBJECTS[subject])]
    end
  end
end

# A line of the table, and whether all is well.
def judge(subject, thread, instructions, reference)
  line = format('  %<subject>-24s %<thread>-11s %<instructions>7d', { subject:, thread:, instructions: })
  return ["#{line}  no reference", true] unless reference

  change = (instructions.fdiv(reference) - 1)
  verdict = if change > TOLERANCE then 'EXCEEDED'
            elsif change < -TOLERANCE then 'less: update the reference'
            else 'ok'
            end
  ["#{line}  reference #{reference}, #{format('%+.1f', change * 100)} %  #{verdict}", change <= TOLERANCE]
end

def well?(counts, references)
  puts "Instructions an operation, #{references.place}"
  verdicts = counts.flat_map do |subject, threads|
    threads.map do |thread, instructions|
      line, well = judge(subject, thread, instructions, references.find(subject, thread))
      puts line
      well
    end
  end
  tell_missing(counts, references)
  verdicts.all?
end

def tell_missing(counts, references)
  return unless counts.any? { |subject, threads| threads.keys.any? { |thread| references.find(subject, thread).nil? } }

  puts "There are no references for some of that with #{references.place}. Next: bundle exec rake " \
       'bench:instructions:update, and commit bench/instructions.yml'
end

begin
  settings = parse(ARGV)
  InstructionCount.check_tools
  references = InstructionReferences.new(settings.file)
  counts = count(ARGV.empty? ? SUBJECTS.keys : ARGV, settings)
  references.update(counts) if settings.update
  abort 'instructions: more than 5 % above a reference' unless well?(counts, references)
rescue InstructionCount::Failed, OptionParser::ParseError, ArgumentError => e
  abort "instructions: #{e.message}"
end
