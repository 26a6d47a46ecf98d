# frozen_string_literal: true

require_relative '../comparisons'
require_relative 'results'

# A page with results: what stands between `<!-- results: NAME -->` and `<!-- end -->` is made of the results file. NAME
# is a comparison, or `targets` or `machines` for those of all.
class Page
  FILES = %w[benchmarks/README.md engine.md].map { |name| File.expand_path("../../docs/#{name}", __dir__) }.freeze
  PART = /(<!-- results: (\S+) -->\n).*?(<!-- end -->)/m

  attr_reader :file

  def self.all
    FILES.map { |file| new(file) }
  end

  def initialize(file, results = Results.new)
    @file = file
    @results = results
  end

  # Writes what has changed.
  def update
    File.write(@file, render)
  end

  # The page as it should be.
  def render
    File.read(@file).gsub(PART) { "#{Regexp.last_match(1)}#{part(Regexp.last_match(2))}#{Regexp.last_match(3)}" }
  end

  private

  def part(name)
    lines = case name
            when 'targets' then targets
            when 'machines' then machines
            else comparison(name)
            end
    "\n#{lines.join("\n")}\n\n"
  end

  def comparison(name)
    comparison = Comparisons.named(name).first or raise ArgumentError, "the page asks for #{name}, which there is not"
    entry = @results.comparisons[name] or return ['Not measured yet.']

    [*table(comparison, entry), *entry['notes'].flat_map { |note| ['', "#{note}."] }]
  end

  def table(comparison, entry)
    figures = Figures.from(entry)
    ours = figures.subjects.first
    columns = comparison.columns
    rows = entry['subjects'].map do |subject|
      [subject['name'], *columns.flat_map { |column| column.cells(figures, subject['subject'], ours) }]
    end
    markdown([['', *columns.flat_map(&:headings)], *rows])
  end

  def markdown(rows)
    heading, *others = rows
    [heading, ['---', *Array.new(heading.size - 1, '--:')], *others].map { |cells| "| #{cells.join(' | ')} |" }
  end

  def targets
    rows = Comparisons.all.map(&:name).flat_map do |name|
      @results.comparisons.dig(name, 'targets').to_a.map { |target| [name, *target_cells(target)] }
    end
    markdown([%w[comparison figure wanted got verdict], *rows]).tap do |lines|
      lines[1] = '| --- | --- | --: | --: | --- |'
    end
  end

  def target_cells(target)
    got = target['got']
    [target['what'], "#{target['relation']} #{Number.short(target['wanted'])}", got ? Number.short(got) : '-',
     target['word']]
  end

  # Comparisons that were measured on the same machine stand together.
  def machines
    groups = @results.comparisons.group_by { |_, entry| entry['machine'].except('load') }
    groups.flat_map { |machine, comparisons| [occasion(machine, comparisons), *facts(machine)] }
  end

  def occasion(machine, comparisons)
    loads = comparisons.map { |_, entry| entry['machine']['load'].to_f }.minmax.uniq.join(' to ')
    days = comparisons.map { |_, entry| entry['at'][0, 10] }.uniq.sort.join(', ')
    "- #{comparisons.map(&:first).join(', ')}: #{days}, revision #{machine['revision']}, load #{loads} at the start"
  end

  def facts(machine)
    machine.except('revision').values.map { |fact| "  - #{fact}" }
  end
end
