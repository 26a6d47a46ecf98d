# frozen_string_literal: true

require_relative 'report'
require_relative 'subject_process'

# Subjects that do the same work; the first one is ours.
class Comparison
  # Something was lost, or the subjects do not do the same.
  class Failed < StandardError; end

  attr_reader :name, :title, :files

  def initialize(name, title, files)
    @name = name
    @title = title
    @files = files
  end

  # Yields lines of a report.
  def run(options, sink, &)
    samples = files.to_h { |file| [file, []] }
    introductions = nil
    options.rounds.times do |round|
      introductions = play(options, sink, round) { |subject| samples[subject.file] << subject.measure }
    end
    Report.new("#{name}: #{title}", introductions, samples.values).lines.each(&)
  rescue SubjectProcess::Failed => e
    raise Failed, e.message
  end

  private

  # One round: all get ready at the same time, then each has its turn.
  def play(options, sink, round, &)
    subjects = files.map { |file| SubjectProcess.new(file, options, sink.url_for("#{file.tr('/', '_')}_#{round}")) }
    introductions = subjects.map { |subject| subject.introduce.introduction }
    compare(*introductions)
    subjects.each(&)
    introductions
  ensure
    subjects&.each(&:close)
  end

  # Ours may say more than its peers, and nothing else.
  def compare(ours, *peers)
    peers.each do |peer|
      missing = peer[:facts].reject { |fact, value| ours[:facts][fact] == value }
      next if missing.empty?

      raise Failed, "#{ours[:name]} gives #{ours[:facts]} where #{peer[:name]} gives #{missing}"
    end
  end
end
