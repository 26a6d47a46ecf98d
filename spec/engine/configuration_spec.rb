# frozen_string_literal: true

RSpec.describe 'The configuration of the engine' do
  let(:telemetry) { Tasker.configuration.telemetry }
  let(:engine_settings) { Tasker::Types::TelemetryConfig.attribute_names }

  describe 'its settings of telemetry' do
    it 'are a TelemetryConfig that has the engine\'s, and no others' do
      configure(service_name: 'orders', max_queue_size: 17)

      expect(telemetry).to be_a(Tasker::Types::TelemetryConfig)
      expect(telemetry.to_h.keys).to match_array(engine_settings)
      expect(telemetry.to_h).to include(service_name: 'orders', filter_mask: '[FILTERED]', metrics_format: 'prometheus')
    end

    it 'may be changed as the engine wants it, and are what is in force' do
      configure(service_name: 'orders', filter_parameters: [:card], filter_mask: '***')
      host.publish_step_completed(create_step, card: 1)

      expect(only_span.attributes).to include('orders.step_name' => 'fetch_cart', 'orders.card' => '***')
    end

    it 'have the methods that the engine has' do
      Tasker.configuration { |config| config.telemetry { |tel| tel.configure_telemetry(batch_events: true) } }

      expect(telemetry.batching_enabled?).to be(true)
      expect(telemetry.parameter_filter.filter(password: 1)).to eq(password: '[FILTERED]')
      expect(telemetry.configure_telemetry(buffer_size: 5).config).to include(buffer_size: 5, batch_events: true)
    end

    it 'leave those of the other parts alone' do
      Tasker.configuration { |config| config.engine { |engine| engine.task_handler_directory = 'handlers' } }
      configure(service_name: 'orders')

      expect(Tasker.configuration.engine.task_handler_directory).to eq('handlers')
    end
  end

  describe 'our settings' do
    it 'are set and read in the same block' do
      seen = []
      Tasker.configuration do |config|
        config.telemetry do |tel|
          seen << tel.max_queue_size
          tel.max_queue_size = 17
          seen << tel.max_queue_size << tel.service_name
        end
      end

      expect(seen).to eq([2048, 17, 'tasker'])
      expect(telemetry.max_queue_size).to eq(17)
    end

    it 'stay when others are set' do
      configure(max_queue_size: 17)
      configure(service_name: 'orders')
      configure(schedule_delay: 2)

      expect([telemetry.max_queue_size, telemetry.schedule_delay, telemetry.service_name]).to eq([17, 2.0, 'orders'])
    end

    it 'raise for a value that they can not have, and keep what they had' do
      expect { configure(max_queue_size: 0) }
        .to raise_error(Tasker::Native::ConfigurationError, /max_queue_size = 0: must be an Integer above 0/)
      expect { telemetry.exporter = :pigeon }.to raise_error(Tasker::Native::ConfigurationError, /exporter.*:otlp/)
      expect([telemetry.max_queue_size, telemetry.exporter]).to eq([2048, :auto])
    end

    it 'warn of a name that there is not, once, with the nearest one' do
      2.times { configure(max_queue_sise: 5) }

      expect(log_lines(/max_queue_sise/)).to contain_exactly(/WARN.*\. Did you mean max_queue_size\?/)
    end

    it 'use the default for what the engine accepts, and they can not' do
      configure(log_level: 'loud')
      host.log_structured(:debug, 'a')
      host.log_structured(:info, 'b')

      expect(structured_lines.map { |line| line[:message] }).to eq(['b'])
      expect(log_lines(/log_level/)).to contain_exactly(/WARN.*log_level = "loud": must be .*\. Its default is used/)
    end
  end

  describe 'a setting that is written without a block' do
    it 'takes effect with the next event' do
      telemetry.enabled = false
      attempt(create_step('fetch_cart'))
      Tasker.configuration.telemetry.enabled = true
      Tasker.configuration.telemetry.service_name = 'orders'
      attempt(create_step('pay'))

      expect(step_spans.map(&:attributes)).to match([include('orders.step_name' => 'pay')])
    end

    it 'goes together with others of the same object' do
      settings = telemetry
      settings.service_name = 'orders'
      settings.max_queue_size = 17
      settings.log_level = 'warn'

      expect(Tasker.configuration.telemetry)
        .to have_attributes(service_name: 'orders', max_queue_size: 17, log_level: 'warn')
    end
  end

  describe '#reset!' do
    it 'brings back the defaults of all settings, which are in force' do
      configure(service_name: 'orders', max_queue_size: 17, enabled: false)
      Tasker.configuration.reset!
      host.publish_step_completed(create_step)

      expect([telemetry.service_name, telemetry.max_queue_size]).to eq(['tasker', 2048])
      expect(only_span.attributes.keys).to all(start_with('tasker.').or(start_with('error.')))
    end
  end

  describe '.reset_configuration!' do
    it 'makes a new configuration, whose settings are in force' do
      configure(service_name: 'orders', max_queue_size: 17, enabled: false)
      before = Tasker.configuration
      after = Tasker::Configuration.reset_configuration!
      host.publish_step_completed(create_step)

      expect(Tasker.configuration).to equal(after)
      expect(after).not_to equal(before)
      expect(telemetry.max_queue_size).to eq(2048)
      expect(step_spans.size).to eq(1)
    end
  end

  describe '#dup' do
    it 'keeps values for later, as tests do that change them meanwhile' do
      configure(service_name: 'orders', max_queue_size: 17)
      kept = Tasker.configuration.dup
      configure(service_name: 'carts', max_queue_size: 5)
      Tasker::Configuration.instance_variable_set(:@configuration, kept)

      expect([telemetry.service_name, telemetry.max_queue_size]).to eq(['orders', 17])
    end

    it 'has ways of its own from then on' do
      configure(max_queue_size: 17)
      Tasker.configuration.dup.telemetry { |tel| tel.max_queue_size = 5 }

      expect(telemetry.max_queue_size).to eq(17)
    end
  end

  describe 'replaced in a test' do
    it 'is what is in force as long as it is' do
      settings = Tasker::Types::TelemetryConfig.new(log_level: 'error')
      allow(Tasker.configuration).to receive(:telemetry).and_return(settings)
      host.log_structured(:info, 'a')
      RSpec::Mocks.space.proxy_for(Tasker.configuration).reset
      host.log_structured(:info, 'b')

      expect(structured_lines.map { |line| line[:message] }).to eq(['b'])
    end

    it 'is in force also where another setting was read before' do
      settings = Tasker::Types::TelemetryConfig.new(log_level: 'error', filter_parameters: [:card])
      host.log_performance_event('checkout', 0.1)
      host.log_structured(:error, 'before', card: '4111')
      allow(Tasker.configuration).to receive(:telemetry).and_return(settings)
      host.log_performance_event('checkout', 0.1)
      host.log_structured(:info, 'a')
      host.log_structured(:error, 'b', card: '4111')

      expect(structured_lines.map { |line| line.slice(:message, :card).values })
        .to eq([%w[before 4111], %w[b [FILTERED]]])
    end

    it 'may be a new one' do
      configuration = Tasker::Configuration.new
      configuration.telemetry { |tel| tel.service_name = 'orders' }
      allow(Tasker::Configuration).to receive(:configuration).and_return(configuration)

      expect(Tasker.configuration.telemetry.service_name).to eq('orders')
      expect { host.publish_step_completed(create_step) }.not_to raise_error
    end
  end
end
