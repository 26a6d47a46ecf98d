# frozen_string_literal: true

require 'json'
require 'time'
require_relative 'machine'

# What runs have found, in a file that the page and the plots are made of:
# { 'comparisons' => { 'span/small' => entry } }. A run replaces the entries of what it has run, and each entry tells
# where and when it was measured.
class Results
  FILE = File.expand_path('../../docs/benchmarks/results.json', __dir__)

  # Of an outcome: names are Strings throughout, as they are read back.
  def self.entry(outcome, options)
    entry = { title: outcome.comparison.title, at: Time.now.utc.iso8601, machine: Machine.facts, options: options.to_s,
              subjects: outcome.introductions.keys.map { |subject| subject_of(outcome, subject) },
              notes: outcome.notes,
              targets: outcome.verdicts.map { |verdict| { **verdict.to_h, word: verdict.word } } }
    JSON.parse(JSON.generate(entry))
  end

  def self.subject_of(outcome, subject)
    introduction = outcome.introductions[subject]
    sample = outcome.figures.sample(subject)
    { subject: subject, name: introduction[:name], settings: introduction[:settings], iterations: sample[:iterations],
      figures: outcome.figures.of(subject), counts: outcome.figures.counts(subject), traffic: sample[:traffic],
      series: sample[:series] }.compact
  end
  private_class_method :subject_of

  attr_reader :comparisons

  def initialize(file = FILE)
    @file = file
    @comparisons = File.exist?(file) ? JSON.parse(File.read(file)).fetch('comparisons') : {}
  end

  # entries: { 'span/small' => entry }
  def save(entries)
    @comparisons = @comparisons.merge(entries).sort.to_h
    File.write(@file, "#{JSON.pretty_generate('comparisons' => @comparisons)}\n")
  end
end
