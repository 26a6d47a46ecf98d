# frozen_string_literal: true

# A handler that says everything everywhere, and fails in the end.
class TalkativeHandler < Tasker::StepHandler::Base
  include Tasker::Concerns::StructuredLogging

  attr_reader :seen

  def initialize(text, data)
    super()
    @text = text
    @data = data
    @seen = []
  end

  def process(task, _sequence, step)
    announce(task, step)
    write_lines(task, step)
    tell_span(Tasker::Native.current_span)
    begin
      raise IOError, @text
    rescue IOError
      error = Tasker::RetryableError.new("failed: #{@text}!", context: @data)
      raise error, error.message, ["app/#{@text}:1:in `x'", *caller]
    end
  end

  private

  def announce(task, step)
    publish_event("canary.#{@text}", **@data)
    publish_event('canary.sang', { @text => @text, text: @text, symbol: @text.to_sym, list: [[@text, { a: [@text] }]],
                                   number: @text.delete('^0-9')[0, 18].to_i, **@data })
    publish_step_started(step, note: @text, **@data)
    publish_task_failed(task, error: @text, error_message: @text, **@data)
    publish_workflow_task_started(@text, note: @text)
    publish_viable_steps_discovered(@text, [step], note: @text)
  end

  def write_lines(task, step)
    with_correlation_id(@text) do
      log_structured(:warn, @text, @text.to_sym => [@text], **@data)
      log_structured(:info, 'nested', data: { 'list' => [@data, { @text => @text }] })
      log_task_event(task, @text)
      log_step_event(step, :completed, duration: 1, note: @text)
      log_performance_event(@text, 0.1)
      log_exception(StandardError.new(@text), context: @data)
    end
  end

  def tell_span(span)
    span.add_event(@text, @text => @text, **@data)
    span.set_attribute(@text, @text).set_attribute('data', @data)
    span.record_exception(IOError.new(@text))
    @seen << span.inspect << inspect_of_event
  end

  def inspect_of_event
    Tasker::Native::Event.new("canary.#{@text}", { text: @text, **@data }).inspect
  end
end
