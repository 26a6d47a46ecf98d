# frozen_string_literal: true

require 'tasker/native/trace_file'
require 'tasker/native/waterfall'

# What came out at the far end, compared with what went in.
class Arrival
  ROOT = 'tasker.task.execution'
  MASK = '[FILTERED]'

  # @param files [Array<String>] the first one has the spans, as OTLP JSON Lines; all are searched for secrets
  # @param accounts [Array<Hash>] of each process that sent: accepted, exported, in_flight
  # @param tasks [Integer] how many ended
  # @param secrets [Array<String>] that were in them
  def initialize(files, accounts:, tasks:, secrets:)
    @trace_file = Tasker::Native::TraceFile.new(files.first)
    @spans = @trace_file.spans
    @traces = @spans.group_by(&:trace_id).values
    @bytes = files.map { |file| File.binread(file) }.join
    @accepted, @exported = %i[accepted exported].map { |count| accounts.sum { |account| account.fetch(count) } }
    @tasks = tasks
    @secrets = secrets
  end

  def print
    Tasker::Native::Waterfall.new(@spans).print
  end

  # @return [String] what was found to be right
  def summary
    size = @bytes.bytesize.to_s.gsub(/(?<=\d)(?=(\d{3})+\z)/, ',')
    <<~TEXT
      Complete: #{@accepted} spans ended, #{@exported} were exported, #{@spans.size} arrived: #{@tasks} traces, one root each.
      Of the #{@secrets.size} secrets in these orders, none is in these #{size} bytes; #{masked} values are masked.
    TEXT
  end

  # @return [Array<String>] empty when all is right
  def problems
    problems = []
    problems << "#{@accepted} spans ended, #{@exported} were exported, #{@spans.size} arrived." unless complete?
    problems << "#{@tasks} tasks ended, but #{@traces.size} traces arrived." unless @traces.size == @tasks
    problems << 'A trace is not one root with its steps below it.' unless @traces.all? { |spans| tree?(spans) }
    problems << "Secrets left the app: #{leaked.join(', ')}." if leaked.any?
    problems << 'Nothing is masked.' if masked.zero?
    problems
  end

  private

  def complete?
    ids = @spans.map(&:span_id)
    @accepted.positive? && [@exported, ids.size, ids.uniq.size].uniq == [@accepted] && @trace_file.damaged_lines.zero?
  end

  def tree?(spans)
    roots, others = spans.partition(&:root?)
    roots.map(&:name) == [ROOT] && others.any? && others.all? { |span| span.parent_id == roots.first.span_id }
  end

  def leaked
    @secrets.select { |secret| @bytes.include?(secret) }
  end

  def masked
    @bytes.scan(MASK).size
  end
end
