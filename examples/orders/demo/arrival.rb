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
  # @param secrets [Array<String>]
  def initialize(files, accounts:, tasks:, secrets:)
    @trace_file = Tasker::Native::TraceFile.new(files.first)
    @bytes = files.map { |file| File.binread(file) }.join
    @spans = @trace_file.spans
    @accepted, @exported = %i[accepted exported].map { |count| accounts.sum { |account| account.fetch(count) } }
    @tasks = tasks
    @secrets = secrets
  end

  def print
    Tasker::Native::Waterfall.new(@spans).print
  end

  # @return [String] what was found to be right, in a sentence or two
  def summary
    "Complete: #{@accepted} spans ended, #{@exported} were exported, #{@spans.size} arrived, in #{@tasks} traces " \
      "with one root each.\nNone of the #{@secrets.size} secrets is in its #{@bytes.bytesize} bytes; " \
      "#{@bytes.scan(MASK).size} values are masked."
  end

  # @return [Array<String>] empty when all is right
  def problems
    [*lost, *misplaced, *leaked]
  end

  private

  def lost
    return if @accepted.positive? && @accepted == @exported && @accepted == @spans.map(&:span_id).uniq.size &&
              @accepted == @spans.size && @trace_file.damaged_lines.zero?

    "#{@accepted} spans ended, #{@exported} were exported, #{@spans.size} arrived " \
      "(#{@trace_file.damaged_lines} lines are damaged)."
  end

  def misplaced
    traces = @spans.group_by(&:trace_id).values
    ["There are #{traces.size} traces for #{@tasks} tasks.", *traces.filter_map { |trace| misplaced_in(trace) }]
      .drop(traces.size == @tasks ? 1 : 0)
  end

  def misplaced_in(trace)
    root, *others = trace.partition(&:root?).flatten(1)
    return if root&.name == ROOT && others.any? && others.all? { |span| span.parent_id == root.span_id }

    "Trace #{trace.first.trace_id} is not one root with its steps below it."
  end

  def leaked
    secrets = @secrets.select { |secret| @bytes.include?(secret) }
    ["A secret left the app: #{secrets.join(', ')}.", 'Nothing is masked.']
      .drop(secrets.any? ? 0 : 1).take(@bytes.include?(MASK) ? secrets.size.clamp(0, 1) : 2)
  end
end
