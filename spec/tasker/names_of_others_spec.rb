# frozen_string_literal: true

# Whoever includes or inherits what is ours has methods of his own, called whatever he likes.
RSpec.describe 'Names that an application is free to use' do
  documented = {
    Tasker::Concerns::EventPublisher => %i[publish_event publish_event_with_logging build_step_payload
                                           build_task_payload build_orchestration_payload extract_duration_from_step],
    Tasker::Concerns::StructuredLogging => [],
    Tasker::StepHandler::AutomaticEventPublishing => [],
    Tasker::StepHandler::Base => %i[initialize],
    Tasker::StepHandler::Api => %i[initialize],
    Tasker::Events::Subscribers::BaseSubscriber => %i[initialize],
    Tasker::Native::PayloadReader => [],
    Tasker::Native::SpanHandlers => []
  }

  documented.each do |owner, names|
    it "are all but those that are documented, in #{owner}" do
      expect(owner.private_instance_methods(false).reject { |name| name.start_with?('_') }).to match_array(names)
    end
  end

  it 'are those of a handler\'s own helpers' do
    handler = Class.new(Tasker::StepHandler::Base) do
      def process(*) = { waited: seconds_since(Time.now - 60), by: publish_task(5) }
      def publish_task(id) = "task #{id}"
      def publish_step(name) = "step #{name}"
      def seconds_since(time) = (Time.now - time).round
    end
    step = build_step
    events = Tasker::Native::Testing.record_events { handler.new.handle(build_task, [step], step) }

    expect(step.results).to eq(waited: 60, by: 'task 5')
    expect(events.map(&:id)).to eq(%w[step.execution_requested step.before_handle step.completed])
  end

  it 'cost no handler its error' do
    handler = Class.new(Tasker::StepHandler::Base) do
      def process(*) = raise(ArgumentError, 'no cart')
      def announce_failure(order) = order
    end
    events = listen('step.failed')

    expect { handler.new.handle(build_task, [], build_step) }.to raise_error(ArgumentError, 'no cart')
    expect(events.size).to eq(1)
  end

  it 'are those of a subscriber\'s own helpers' do
    subscriber = Class.new(Tasker::Events::Subscribers::BaseSubscriber) do
      subscribe_to 'step.failed'
      attr_reader :received

      def handle_step_failed(event) = receive(extract_error_metrics(event)[:error_type])
      def receive(type) = @received = type
      def error_type(event) = event[:none]
    end.subscribe(publisher)
    publisher.publish('step.failed', exception_class: 'Timeout::Error')

    expect(subscriber.received).to eq('timeout')
  end
end
