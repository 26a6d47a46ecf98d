# frozen_string_literal: true

# What a subscriber's handlers read from events.
RSpec.describe Tasker::Native::PayloadReader do
  subject(:reader) do
    Class.new(Tasker::Events::Subscribers::BaseSubscriber) { public(*superclass.protected_instance_methods) }.new
  end

  def event(payload = {})
    Tasker::Events::Event.new('step.completed', payload)
  end

  it 'is for subscribers alone' do
    plain = Tasker::Events::Subscribers::BaseSubscriber.new

    expect { plain.safe_get({}, :a) }.to raise_error(NoMethodError, /protected/)
  end

  describe '#extract_core_attributes' do
    it 'has the ids, and the time as text' do
      time = Time.utc(2025, 1, 2)

      expect(reader.extract_core_attributes(event(task_id: 1, 'step_id' => 2, timestamp: time)))
        .to eq(task_id: 1, step_id: 2, event_timestamp: time.to_s)
    end

    it 'leaves out what is not there, and takes now for the time' do
      expect(reader.extract_core_attributes(event)).to match(task_id: 'unknown', event_timestamp: /\A\d{4}-\d\d-\d\d /)
      expect(reader.extract_core_attributes(nil).keys).to eq(%i[task_id event_timestamp])
      expect(reader.extract_core_attributes({ task_id: nil, timestamp: 'x' })).to eq(event_timestamp: 'x')
    end
  end

  describe '#extract_step_attributes' do
    it 'has the name of the step as well' do
      expect(reader.extract_step_attributes({ task_id: 1, step_id: 2, step_name: 'pay', timestamp: 't' }))
        .to eq(task_id: 1, step_id: 2, event_timestamp: 't', step_name: 'pay')
      expect(reader.extract_step_attributes({ timestamp: 't' }))
        .to eq(task_id: 'unknown', event_timestamp: 't', step_name: 'unknown_step')
    end
  end

  describe '#extract_timing_metrics' do
    it 'has seconds as a Float and counts as Integers' do
      expect(reader.extract_timing_metrics(event('execution_duration' => '1.5', started_at: 'a', completed_at: 'b',
                                                 total_steps: '4', completed_steps: 3, failed_steps: 1.0)))
        .to eql(execution_duration: 1.5, started_at: 'a', completed_at: 'b', step_count: 4, completed_steps: 3,
                failed_steps: 1)
    end

    it 'has zeros where there is nothing, or nothing like a number' do
      nothing = { execution_duration: 0.0, started_at: nil, completed_at: nil, step_count: 0, completed_steps: 0,
                  failed_steps: 0 }

      expect(reader.extract_timing_metrics(event)).to eql(nothing)
      expect(reader.extract_timing_metrics({ execution_duration: nil, total_steps: true, failed_steps: Float::NAN }))
        .to eql(nothing)
    end
  end

  describe '#extract_error_metrics' do
    it 'has what is known of the error' do
      expect(reader.extract_error_metrics(event(error_message: 'no', exception_class: 'Net::ReadTimeout',
                                                attempt_number: '3', retry_limit: 3, retryable: true)))
        .to eq(error_message: 'no', error_class: 'Net::ReadTimeout', error_type: 'timeout', attempt_number: 3,
               is_retryable: true, final_failure: true)
    end

    it 'has defaults' do
      expect(reader.extract_error_metrics(nil))
        .to eq(error_message: 'unknown_error', error_class: 'UnknownError', error_type: 'unknown', attempt_number: 1,
               is_retryable: false, final_failure: true)
    end

    it 'is not final before the last attempt' do
      expect(reader.extract_error_metrics({ attempt_number: 2, retry_limit: 3 })).to include(final_failure: false)
    end

    it 'understands error_class as well, and a Class' do
      expect(reader.extract_error_metrics({ error_class: 'Errno::ECONNREFUSED' }))
        .to include(error_class: 'Errno::ECONNREFUSED', error_type: 'other')
      expect(reader.extract_error_metrics({ exception_class: NotImplementedError, error_class: 'X' }))
        .to include(error_class: NotImplementedError, error_type: 'other')
    end

    {
      'Timeout::Error' => 'timeout', 'ConnectionTimeoutError' => 'timeout',
      'Faraday::ConnectionFailed' => 'network', 'NetworkError' => 'network',
      'ActiveRecord::RecordNotFound' => 'not_found', 'MissingKey' => 'not_found', 'Http404' => 'not_found',
      'UnauthorizedError' => 'auth', 'Faraday::ForbiddenError' => 'auth', 'Http401' => 'auth', 'Http403' => 'auth',
      'RateLimitError' => 'rate_limit', 'Faraday::TooManyRequestsError' => 'rate_limit', 'Http429' => 'rate_limit',
      'Faraday::BadRequestError' => 'client_error', 'ActiveRecord::RecordInvalid' => 'client_error',
      'Http400' => 'client_error', 'Faraday::ServerError' => 'server_error', 'InternalError' => 'server_error',
      'Http500' => 'server_error', 'StandardError' => 'runtime', 'RuntimeError' => 'runtime', 'KeyError' => 'other',
      '' => 'unknown', ' ' => 'unknown'
    }.each do |error_class, type|
      it "takes #{error_class.inspect} for #{type}" do
        expect(reader.extract_error_metrics({ exception_class: error_class })[:error_type]).to eq(type)
      end
    end
  end

  describe '#extract_performance_metrics' do
    it 'has an Integer and Floats' do
      expect(reader.extract_performance_metrics({ memory_usage: '1024', cpu_time: 1, queue_time: '0.5',
                                                  processing_time: 2.5, retry_delay: nil }))
        .to eql(memory_usage: 1024, cpu_time: 1.0, queue_time: 0.5, processing_time: 2.5, retry_delay: 0.0)
      expect(reader.extract_performance_metrics(nil).values).to eql([0, 0.0, 0.0, 0.0, 0.0])
    end
  end

  describe '#extract_metric_tags' do
    it 'has what is known, in its order' do
      payload = { priority: 'high', attempt_number: 2, retryable: true, source_system: 'shop', step_name: 'pay',
                  task_name: 'order' }

      expect(reader.extract_metric_tags(event(payload)))
        .to eq(%w[task:order step:pay source:shop retryable:true attempt:2 priority:high])
    end

    it 'has the environment in Rails' do
      stub_const('Rails', Module.new { def self.env = 'staging' })

      expect(reader.extract_metric_tags({ task_name: 'order', attempt_number: 1 }))
        .to eq(%w[task:order environment:staging attempt:1])
    end

    it 'leaves out placeholders and what is not there' do
      placeholders = { task_name: 'unknown', step_name: 'unknown_step', retryable: false }
      expect(reader.extract_metric_tags(placeholders)).to eq([])
      expect(reader.extract_metric_tags(nil)).to eq([])
    end
  end

  describe '#build_metric_name' do
    it 'joins by one dot' do
      expect(reader.build_metric_name('tasker.task', 'completed')).to eq('tasker.task.completed')
      expect(reader.build_metric_name('a..b.', '.c')).to eq('a.b.c')
    end
  end

  describe '#extract_numeric_metric' do
    it 'gives a Float' do
      { 2 => 2.0, '2.5' => 2.5, '0' => 0.0, '0.00' => 0.0, ' 00 ' => 0.0, 1r => 1.0, '3 apples' => 3.0 }
        .each do |value, number|
          expect(reader.extract_numeric_metric({ a: value }, :a, 7)).to eql(number)
        end
      expect(reader.extract_numeric_metric({}, :a)).to be(0.0)
      expect(reader.extract_numeric_metric({}, :a, 3)).to be(3.0)
    end

    it 'gives the default as it is for nil and for garbage' do
      [nil, 'abc', '', :symbol, [1], true].each do |value|
        result = reader.extract_numeric_metric({ a: value }, :a, 7)
        expect(result).to eql(value == '' ? 0.0 : 7), value.inspect
      end
      expect(reader.extract_numeric_metric(nil, :a, nil)).to be_nil
    end
  end
end
