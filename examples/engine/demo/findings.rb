# frozen_string_literal: true

require_relative 'attempt'
require_relative '../lib/example_orders'

# What arrived at the receiver, compared with what happened.
class Findings
  EXECUTION = 'tasker.step.execution'
  WITHIN = 0.01 # seconds

  # @param spans [Array<Tasker::Native::SpanData>]
  # @param attempts [Array<Attempt>]
  # @param tasks [Integer] how many there were
  def initialize(spans, attempts, tasks:)
    @spans = spans
    @ids = spans.map(&:span_id)
    @executions = spans.select { |span| span.name == EXECUTION }
    @attempts = attempts
    @tasks = tasks
  end

  # @return [String] what was found to be right
  def summary
    <<~TEXT
      #{@tasks} tasks gave #{@tasks} traces, #{@attempts.size} attempts of steps #{@attempts.size} spans, none twice; each has its parent, and none
      is #{(WITHIN * 1000).round} ms off what its handler took by its own clock. Of #{ExampleOrders::SECRETS.size} secrets, none left the app.
    TEXT
  end

  # @return [Array<String>] empty when all is right
  def problems
    [traces, executions, widths, doubles, orphans, leaks].compact
  end

  private

  def traces
    traces = @spans.map(&:trace_id).uniq.size
    "#{@tasks} tasks gave #{traces} traces." unless traces == @tasks
  end

  def executions
    "#{@attempts.size} attempts gave #{@executions.size} spans." unless @attempts.size == @executions.size
  end

  def widths
    wrong = @attempts.reject do |attempt|
      @executions.any? { |span| attempt.of?(span) && attempt.as_wide_as?(span, within: WITHIN) }
    end
    return unless wrong.any?

    "Not as wide as their attempts: #{wrong.map do |one|
      "#{one.step} of task #{one.task_id}"
    end.join(', ')}."
  end

  def doubles
    doubles = @spans.group_by(&:span_id).values.select { |spans| spans.size > 1 }
    "The same id: #{doubles.map { |spans| names(spans) }.join('; ')}." if doubles.any?
  end

  def orphans
    orphans = @spans.reject { |span| span.root? || @ids.include?(span.parent_id) }
    "Without their parents: #{names(orphans)}." if orphans.any?
  end

  def leaks
    exported = @spans.map(&:to_h).to_s
    leaked = ExampleOrders::SECRETS.select { |secret| exported.include?(secret) }
    "Secrets left the app: #{leaked.join(', ')}." if leaked.any?
  end

  def names(spans)
    spans.map { |span| "#{span.name} of task #{span.attribute('task_id')}" }.join(', ')
  end
end
