# frozen_string_literal: true

require 'json'

# An attempt of a step, by the handler's own clock.
Attempt = Struct.new(:task_id, :step, :attempt, :pid, :started_at, :seconds, keyword_init: true) do
  # @param file [String] what OrderProcess::Timed wrote
  # @return [Array<Attempt>]
  def self.read(file)
    File.readlines(file).map { |line| new(**JSON.parse(line)) }
  end

  # @param span [Tasker::Native::SpanData]
  # @return [Boolean] whether that is this attempt's
  def of?(span)
    [task_id.to_s, step, attempt] == %w[task_id step_name attempt_number].map { |key| span.attribute(key) }
  end

  # @param span [Tasker::Native::SpanData]
  # @param within [Float] seconds
  # @return [Boolean] whether it begins when the handler did, and takes as long
  def as_wide_as?(span, within:)
    [span.start_time - started_at, span.duration - seconds].all? { |difference| difference.abs < within }
  end
end
