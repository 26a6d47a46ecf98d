# frozen_string_literal: true

require_relative 'figures'
require_relative 'report'
require_relative 'subject_process'
require_relative 'target'

# Subjects that do the same work; the first one is ours.
class Comparison
  # Something was lost, or the subjects do not do the same.
  class Failed < StandardError; end

  # What came of it. introductions: { subject => { name:, settings:, facts: } }
  Outcome = Struct.new(:comparison, :introductions, :figures, :notes, :verdicts, keyword_init: true) do
    def lines
      report = Report.new("#{comparison.name}: #{comparison.title}", introductions, figures,
                          columns: comparison.columns)
      [*report.lines, *(notes + verdicts).map { |line| "  #{line}" }]
    end
  end

  attr_reader :name, :title, :subjects, :columns, :gems

  # The block says what belongs to it by `subject`, `show` and `target`; it is evaluated in the comparison.
  def initialize(name, title, &)
    @name = name
    @title = title
    @subjects = []
    @columns = Columns::COST
    @targets = []
    @notes = []
    @gems = :own
    instance_eval(&)
  end

  # Measures a file of bench/ too; with sizes, at each of them ('growth/subscribers_native@64'). => file
  def subject(file, sizes = nil)
    @subjects.concat(sizes ? sizes.map { |size| "#{file}@#{size}" } : [file])
    file
  end

  # The columns of the table, instead of what most have.
  def show(*columns)
    @columns = columns
  end

  # A figure that is wanted; the block is given the Figures and returns it.
  def target(what, relation, wanted, &)
    @targets << Target.new(what, relation, wanted, &)
  end

  # 'span' asks for 'span/small' and 'span/large'.
  def named?(wanted)
    name == wanted || name.start_with?("#{wanted}/")
  end

  def files
    subjects.map { |subject| SubjectProcess.file_of(subject) }.uniq
  end

  # What not every machine has; the block tells whether this one does. gems: see RootRun::COMMANDS
  def needs(what, gems: :own, &block)
    @needs = what
    @gems = gems
    @is_met = block
  end

  # What it needs and this machine has not; nil if nothing.
  def lack
    @needs unless @is_met.nil? || @is_met.call
  end

  # A line that is worth knowing beside the table; the block is given the Figures.
  def note(&block)
    @notes << block
  end

  # Yields what is being done.
  def run(options, sink)
    chosen = options.wanted(subjects)
    samples = chosen.to_h { |subject| [subject, []] }
    introductions = nil
    options.rounds.times do |round|
      yield "#{name}: round #{round + 1} of #{options.rounds}"
      introductions = play(chosen, options, sink, round) { |subject| samples[subject.subject] << subject.measure }
    end
    outcome(introductions, Figures.new(samples))
  rescue SubjectProcess::Failed => e
    raise Failed, e.message
  end

  private

  def outcome(introductions, figures)
    Outcome.new(comparison: self, introductions: introductions, figures: figures,
                notes: @notes.map { |note| note.call(figures) },
                verdicts: @targets.map { |target| target.judge(figures) })
  end

  # One round: all get ready at the same time, then each has its turn.
  def play(chosen, options, sink, round, &)
    subjects = chosen.map do |subject|
      SubjectProcess.new(subject, options, sink.url_for("#{subject.tr('/@', '__')}_#{round}"))
    end
    introductions = subjects.to_h { |subject| [subject.subject, subject.introduce.introduction] }
    compare_sizes(introductions)
    subjects.each(&)
    introductions
  ensure
    subjects&.each(&:close)
  end

  # Those of one size do the same.
  def compare_sizes(introductions)
    introductions.group_by { |subject, _| SubjectProcess.size_of(subject) }.each_value do |group|
      compare(*group.map(&:last))
    end
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
