# frozen_string_literal: true

require 'active_support'
require 'active_support/parameter_filter'
require 'pathname'
require 'tmpdir'

RSpec.describe Tasker::Native::Settings do
  # Nobody follows these.
  let(:settings) { described_class.new }

  def wrong(name, value)
    settings.public_send(:"#{name}=", value)
    raise "#{name} = #{value.inspect} was accepted"
  rescue Tasker::Native::ConfigurationError => e
    e.message
  end

  describe 'the defaults' do
    it 'are upstream\'s for what upstream has' do
      expect(described_class.new).to have_attributes(
        enabled: true, service_name: 'tasker', service_version: '0.1.0', filter_mask: '[FILTERED]',
        filter_parameters: %i[passw email secret token _key crypt salt certificate otp ssn],
        structured_logging_enabled: true, correlation_id_header: 'X-Correlation-ID', log_level: 'info',
        log_format: 'json', metrics_enabled: true, metrics_endpoint: '/tasker/metrics', metrics_format: 'prometheus',
        metrics_auth_required: false, performance_monitoring_enabled: true, slow_query_threshold_seconds: 1.0,
        memory_threshold_mb: 100, event_sampling_rate: 1.0, filtered_events: [], max_stored_samples: 1000,
        metrics_retention_hours: 24, environment: 'test'
      )
    end

    it 'are upstream\'s for its two groups of settings' do
      expect(described_class.new).to have_attributes(
        prometheus: { endpoint: nil, username: nil, password: nil, job_timeout: 300, export_timeout: 120,
                      retry_attempts: 3, retention_window: 300, safety_margin: 60, metric_prefix: 'tasker',
                      include_instance_labels: true, compression: 'snappy', batch_size: 1000,
                      skip_if_unavailable: true, job: nil, instance: nil, queue: 'metrics_export' },
        config: { batch_events: false, buffer_size: 100, flush_interval: 5, filtered_events: [],
                  enable_memoization: true, async_processing: false, sampling_rate: 1.0 },
        batching_enabled?: false
      )
    end

    it 'are the design\'s for what is ours' do
      expect(described_class.new).to have_attributes(
        exporter: :auto, otlp_endpoint: 'http://localhost:4318', otlp_headers: {}, otlp_compression: 'gzip',
        otlp_timeout: 10.0, trace_file: 'log/tasker_traces.jsonl', max_queue_size: 2048, max_queue_bytes: 16 * (2**20),
        max_export_batch_size: 512, schedule_delay: 5.0, shutdown_timeout: 5.0, max_open_spans: 100_000,
        span_max_age: 86_400.0, span_attribute_count_limit: 128, span_attribute_value_length_limit: 65_536,
        span_event_count_limit: 128, span_link_count_limit: 128, stringify_attributes: false,
        otlp_certificate: nil, otlp_client_certificate: nil, otlp_client_key: nil,
        spool_directory: nil, spool_max_bytes: 256 * (2**20), spool_max_age: 86_400.0,
        metrics_directory: nil, metrics_cardinality_limit: 2000, metrics_exporter: :auto, metrics_export_interval: 60.0,
        metrics_temporality: :cumulative, metrics_histogram_aggregation: :explicit_bucket_histogram,
        runtime_metrics: false
      )
    end

    it 'take every other upstream setting as a value that stays' do
      values = { log_level: :debug, metrics_endpoint: '/m', filtered_events: ['a'] }
      configure(**values)

      expect(telemetry).to have_attributes(values)
    end
  end

  describe 'a value' do
    {
      enabled: [[true, false], [nil, 'true', 1], 'true or false'],
      stringify_attributes: [[true, false], [nil, :yes], 'true or false'],
      structured_logging_enabled: [[true, false], ['yes'], 'true or false'],
      metrics_enabled: [[true, false], [0], 'true or false'],
      runtime_metrics: [[true, false], [5, nil], 'true or false'],
      metrics_auth_required: [[true, false], [0], 'true or false'],
      performance_monitoring_enabled: [[true, false], [0], 'true or false'],
      service_name: [['a', 'x' * 100, 'größe'], ['', 'x' * 101, :a, nil, "a\nb", "\xFF"], '1 to 100 bytes'],
      service_version: [['', '1.2.3-β'], [1.2, nil, "1\r\n2", "\xFF"], 'a String of one line'],
      filter_mask: [['', '*', 'x' * 1024], ['x' * 1025, nil, :mask, "a\0b"], 'a String of one line'],
      filter_parameters: [[[], [:a, 'b', /c/]], [nil, :a, 'a', { a: 1 }],
                          'an Array of Symbols, Strings, Regexps and Procs'],
      correlation_id_header: [['X-Id'], [nil, "a\nb"], 'a String of one line'],
      exporter: [[:auto, :otlp, :file, :console, :memory, :none, %i[file memory]],
                 [nil, [], 'file', :files, %i[file files], :zipkin, :sdk], 'one of :auto, :otlp, :file'],
      otlp_endpoint: [['http://localhost', 'https://user:pw@host:4318/path?key=1'],
                      ['', 'localhost:4318', 'ftp://host', 'http://', 'http://a b', 'http://host:65536',
                       "http://host/#{'a' * 4096}", nil, 5], 'an http or https URL'],
      otlp_headers: [[{}, { 'api-key' => 'x', tenant: :acme }],
                     [nil, [], { 'bad name' => 'x' }, { 'a' => "x\ny" }, { '' => 'x' }], 'a Hash of header names'],
      log_level: [['debug', :info, 'fatal'], ['trace', nil, 1], "'debug', 'info', 'warn'"],
      log_format: [['json', :logfmt, 'pretty_json'], ['xml', nil], "'json', 'pretty_json' or 'logfmt'"],
      slow_query_threshold_seconds: [[0, 0.5, 10], [nil, -1, '1'], 'a number of seconds'],
      otlp_compression: [['gzip', 'none', :gzip], ['zstd', nil, 5], "'gzip' or 'none'"],
      otlp_timeout: [[1, 0.5, 2r], [0, -1, nil, '5', Float::NAN, Float::INFINITY, 1i], 'a number of seconds above 0'],
      trace_file: [['log/a.jsonl', Pathname('/tmp/x')], ['', nil, "a\0b"], 'a path'],
      otlp_certificate: [[nil, 'ca.pem', Pathname('/etc/ca.pem')], ['', "a\0b"], 'a path, or nil'],
      otlp_client_certificate: [[nil, 'a.pem'], ["a\nb"], 'a path, or nil'],
      otlp_client_key: [[nil, 'key.pem'], [''], 'a path, or nil'],
      spool_directory: [[nil, 'tmp/spool', Pathname('/var/spool/app')], ['', "a\0b"], 'a path, or nil'],
      spool_max_bytes: [[1, 2**30], [0, -1, nil, '5'], 'an Integer above 0'],
      spool_max_age: [[1, 0.5], [0, -1, nil], 'a number of seconds above 0'],
      metrics_directory: [[nil, 'tmp/metrics', Pathname('/run/metrics')], ['', "a\0b"], 'a path, or nil'],
      metrics_cardinality_limit: [[1, 2000], [0, -1, nil, '5'], 'an Integer above 0'],
      metrics_exporter: [%i[auto otlp none], [:prometheus, nil, 1], ':auto, :otlp or :none'],
      metrics_export_interval: [[1, 0.5], [0, -1, nil], 'a number of seconds above 0'],
      metrics_temporality: [%i[cumulative delta], [:lowmemory, nil], ':cumulative or :delta'],
      metrics_histogram_aggregation: [%i[explicit_bucket_histogram base2_exponential_bucket_histogram],
                                      [:exponential, nil], ':explicit_bucket_histogram or :base2_exponential'],
      metrics_endpoint: [['/metrics', nil], ['', "a\nb"], 'a path, or nil'],
      metrics_format: [['json', :csv, 'prometheus', 'openmetrics'], ['xml', nil], "'prometheus', 'openmetrics'"],
      metrics_auth: [[nil, { username: 'a', password: 'b' }, ->(_) { true }],
                     ['a:b', true, {}, { username: 'a' }, { username: 'a', password: '' }, { 'username' => 'a' }],
                     'nil, { username:, password: }'],
      prometheus: [[{}, { endpoint: nil }, { 'endpoint' => 'http://gateway:9091', job: 'import' },
                    { retry_attempts: 0, job_timeout: 0.5, metric_prefix: nil }],
                   [nil, 'http://gateway:9091', { endpoint: 'gateway' }, { retry_attempts: -1 }, { job_timeout: 0 },
                    { export_timeout: '2' }, { job: '' }, { job: "a\nb" }, { metric_prefix: '1-a' }, { username: 5 },
                    { skip_if_unavailable: 'no' }, { endpont: 'x' }, { 5 => 6 }], 'must be a Hash'],
      max_queue_size: [[1, 10_000], [0, -1, 1.5, nil, '5', 2**70], 'an Integer above 0'],
      max_queue_bytes: [[1], [0, nil], 'an Integer above 0'],
      max_export_batch_size: [[1], [0, nil], 'an Integer above 0'],
      schedule_delay: [[0, 5, 0.01], [-1, nil, '5', Float::INFINITY], 'a number of seconds'],
      shutdown_timeout: [[0, 5], [-1, nil], 'a number of seconds'],
      trace_seed: [['', 'x' * 10_000], [nil, 5, "a\nb"], 'a String of one line'],
      max_open_spans: [[1], [0, nil], 'an Integer above 0'],
      span_max_age: [[0.01, 60], [0, -5, nil], 'a number of seconds above 0'],
      span_attribute_count_limit: [[0, 10_000], [-1, 10_001, 1.0, nil], 'an Integer from 0 to 10000'],
      span_attribute_value_length_limit: [[0, 1, 2**30], [-1, nil, 2**31], 'an Integer, 0 (no limit) or above'],
      span_event_count_limit: [[0, 10_000], [-1, 10_001], 'an Integer from 0 to 10000'],
      span_link_count_limit: [[0, 10_000], [-1, 10_001], 'an Integer from 0 to 10000']
    }.each do |name, (good, bad, words)|
      it "of #{name} is checked when it is set" do
        good.each { |value| expect { settings.public_send(:"#{name}=", value) }.not_to raise_error }
        before = settings.public_send(name)

        messages = bad.map { |value| wrong(name, value) }
        expect(messages).to all(start_with("config.telemetry.#{name} = ").and(include(words)))
        expect(settings.public_send(name)).to eq(before)
      end
    end

    it 'is shown in the message, but not all of it' do
      expect(wrong(:max_queue_size, 'many')).to include('config.telemetry.max_queue_size = "many": must be')
      expect(wrong(:exporter, 'x' * 10_000).size).to be < 500
    end

    it 'is kept in the form that is used' do
      configure(otlp_timeout: 2, trace_file: Pathname('a/b'), otlp_compression: :none, service_name: 'tür'.b,
                service_version: 'ß'.encode('ISO-8859-1'))

      expect(telemetry).to have_attributes(otlp_timeout: eql(2.0), trace_file: 'a/b', otlp_compression: 'none',
                                           service_name: 'tür', service_version: 'ß')
      expect(span_of(a: 1).attributes).to include('tür.a' => 1)
    end
  end

  describe 'prometheus' do
    it 'keeps the defaults of what it is not given' do
      configure(prometheus: { 'endpoint' => 'http://gateway:9091', retry_attempts: 0 })

      expect(telemetry.prometheus).to include(endpoint: 'http://gateway:9091', retry_attempts: 0, job_timeout: 300)
      expect(log).to be_empty
    end

    it 'says which of its keys is wrong, and names the nearest known one' do
      expect(wrong(:prometheus, { retry_attempts: -1 }))
        .to eq('config.telemetry.prometheus = (a Hash): must be a Hash whose retry_attempts is an Integer from 0 to ' \
               '100')
      expect(wrong(:prometheus, { endpont: 'x' }))
        .to end_with('must be a Hash without "endpont", which is none of its keys. Did you mean endpoint?')
    end

    it 'says once which of its keys have no effect' do
      2.times { configure(prometheus: { batch_size: 5, compression: 'snappy' }) }

      expect(log_lines).to contain_exactly(/prometheus\[:batch_size\] has no effect here: metrics are pushed/)
    end
  end

  describe 'a setting that does not exist' do
    it 'raises, and names the nearest' do
      expect { telemetry.otlp_endpint = 'x' }
        .to raise_error(Tasker::Native::ConfigurationError,
                        'config.telemetry has no setting otlp_endpint. Did you mean otlp_endpoint?')
      expect { configure(servise_name: 'x') }.to raise_error(/no setting servise_name\. Did you mean service_name\?/)
    end

    it 'raises without a name where nothing is near' do
      expect { telemetry.quux = 1 }
        .to raise_error(Tasker::Native::ConfigurationError, 'config.telemetry has no setting quux')
    end

    it 'raises where it is read' do
      expect { telemetry.quux }.to raise_error(NoMethodError, /quux/)
      expect(telemetry).not_to respond_to(:quux)
    end
  end

  describe 'a setting without effect in this version' do
    it 'says so once, with the reason' do
      3.times { |number| telemetry.max_stored_samples = number }
      configure(max_stored_samples: 3)

      expect(log_lines).to eq(['WARN tasker-native: config.telemetry.max_stored_samples has no effect here: ' \
                               'this version keeps no samples'])
    end

    %i[environment correlation_id_header max_stored_samples metrics_retention_hours memory_threshold_mb
       event_sampling_rate filtered_events config].each do |name|
      it "is #{name}" do
        settings.public_send(:"#{name}=", settings.public_send(name))

        expect(log).to include("config.telemetry.#{name} has no effect here: ")
      end
    end

    it 'is none of the others' do
      configure(service_name: 'a', filter_mask: '*', max_queue_size: 5, exporter: :memory, stringify_attributes: true)

      expect(log).to be_empty
    end
  end

  describe 'secrets' do
    let(:secrets) { %w[hunter2 k3y-value t0ken prompass] }

    before do
      configure(otlp_endpoint: 'https://user:hunter2@collector:4318/?token=t0ken',
                otlp_headers: { 'api-key' => 'k3y-value' },
                prometheus: { endpoint: 'http://me:t0ken@gateway/', password: 'prompass' })
    end

    it 'never show in inspect and to_h' do
      shown = [telemetry.inspect, telemetry.to_h.inspect, Tasker.configuration.inspect].join

      expect(secrets.select { |secret| shown.include?(secret) }).to be_empty
      expect(telemetry.inspect).to include('otlp_endpoint="https://***@collector:4318/?***"', 'api-key')
    end

    it 'never show in messages about wrong values' do
      messages = [wrong(:otlp_endpoint, 'ftp://user:hunter2@host'), wrong(:otlp_headers, { 'a b' => 'k3y-value' })]

      expect(messages.join).not_to match(/hunter2|k3y-value/)
    end

    it 'never show in messages about unknown settings' do
      expect { telemetry.otlp_header }.to(raise_error { |error| expect(error.message).not_to match(/hunter2|k3y/) })
    end

    it 'never show in the log when nothing can be delivered' do
      configure(exporter: :otlp, otlp_endpoint: 'http://user:hunter2@127.0.0.1:1/?token=t0ken', schedule_delay: 0)
      publish('step.completed', task_id: 1, step_id: 2)
      Tasker::Native.flush

      expect(eventually('a line') { log[/unreachable.*/] }).to include('http://127.0.0.1:1/v1/traces')
      expect(secrets.select { |secret| log.include?(secret) }).to be_empty
    end
  end

  describe 'at run time' do
    it 'take effect with the next span' do
      span_of(a: 1)
      telemetry.service_name = 'orders'
      telemetry.service_version = '2'

      expect(span_of(a: 1)).to have_attributes(attributes: include('orders.a' => 1),
                                               resource: include('service.name' => 'orders', 'service.version' => '2'))
    end

    it 'take effect together at the end of a block' do
      changes = 0
      followed = described_class.new(on_change: -> { changes += 1 })
      followed.change do
        followed.service_name = 'a'
        followed.configure_telemetry(service_version: '1', filter_mask: '*')
      end
      followed.service_name = 'b'

      expect(changes).to eq(2)
    end

    it 'of configure_telemetry may be those of config, as upstream has it' do
      settings = described_class.new.configure_telemetry(batch_events: true, 'buffer_size' => 5, service_name: 'a')

      expect(settings.config).to include(batch_events: true, buffer_size: 5, flush_interval: 5)
      expect(settings.service_name).to eq('a')
      expect { settings.configure_telemetry(bufer_size: 1) }
        .to raise_error(Tasker::Native::ConfigurationError, /no setting bufer_size/)
    end

    it 'make a filter of Rails\' kind, where that is there' do
      settings = described_class.new.configure_telemetry(filter_parameters: [:password, 'card.number'])
      filtered = settings.parameter_filter.filter(password: 1, card: { number: 2, kind: 3 })

      expect(filtered).to eq(password: '[FILTERED]', card: { number: '[FILTERED]', kind: 3 })
      hide_const('ActiveSupport::ParameterFilter')
      expect(settings.parameter_filter).to be_nil
    end

    it 'take effect up to the one that is wrong' do
      expect { configure(service_name: 'orders', max_queue_size: 0) }.to raise_error(Tasker::Native::ConfigurationError)

      expect(span_of(a: 1).attributes).to include('orders.a' => 1)
    end

    it 'lose no span when the exporter changes' do
      50.times { |number| publish('step.completed', task_id: 1, step_id: number) }
      configure(schedule_delay: 1.0)
      50.times { |number| publish('step.completed', task_id: 2, step_id: number) }

      expect(step_spans.size).to eq(100)
      expect(stats).to include(accepted: 100, exported: 100)
    end

    it 'may be read and set by many threads at once' do
      threads = Array.new(4) do |thread|
        Thread.new do
          25.times do |number|
            telemetry.filter_mask = "#{thread}#{number}"
            publish('step.completed', task_id: thread, step_id: number, password: 'secret')
            telemetry.to_h
          end
        end
      end
      threads.each(&:join)

      expect(stats).to include(accepted: 100)
      expect(balanced?).to be(true)
    end
  end

  describe 'enabled' do
    it 'makes no spans while it is false, and makes them once it is true again' do
      telemetry.enabled = false
      publish('step.completed', task_id: 1, step_id: 1)
      expect(stats).to include(accepted: 0, open_steps: 0)
      telemetry.enabled = true
      publish('step.completed', task_id: 1, step_id: 2)

      expect(only_span.attributes).to include('tasker.step_id' => '2')
    end

    it 'leaves listeners alone' do
      configure(enabled: false)
      events = listen('step.completed')
      publish('step.completed', task_id: 1)

      expect(events.size).to eq(1)
    end

    it 'has neither thread nor socket nor file while it is false, and can be switched on later', :aggregate_failures do
      script = <<~RUBY
        require 'tmpdir'
        require 'tasker-native'
        tasks = -> { Dir.children('/proc/self/task').size }
        files = -> { Dir.children('/proc/self/fd').size }
        Tasker.configuration { |config| config.telemetry { |tel| tel.enabled = false } }
        before = [tasks.call, files.call]
        publisher = Tasker::Events::Publisher.instance
        100.times { |id| publisher.publish('step.completed', task_id: 1, step_id: id) }
        p Thread.list.size, [tasks.call, files.call] == before, Tasker::Native.stats[:accepted], Dir.exist?('log')

        Tasker.configuration.telemetry.enabled = true
        publisher.publish('step.completed', task_id: 1, step_id: 1)
        p Tasker::Native.flush, Tasker::Native.stats[:exported], File.file?('log/tasker_traces.jsonl')
      RUBY
      Dir.mktmpdir do |directory|
        expect(ruby(script, chdir: directory)).to eq("1\ntrue\n0\nfalse\ntrue\n1\ntrue\n")
      end
    end
  end

  describe 'exporter' do
    it 'may be none: no span is made' do
      configure(exporter: :none)
      publish('step.completed', task_id: 1, step_id: 1)

      expect(stats).to include(accepted: 0)
    end

    it 'may be none beside others, which then count' do
      configure(exporter: %i[none memory])

      expect(span_of(a: 1)).to be_a(Tasker::Native::SpanData)
    end

    it 'may be auto beside others' do
      configure(exporter: %i[auto memory])

      expect(span_of(a: 1)).to be_a(Tasker::Native::SpanData)
      expect(log).to be_empty
    end

    {
      { 'RAILS_ENV' => 'test' } => :memory, { 'RAILS_ENV' => 'development' } => :file, {} => :file,
      { 'RACK_ENV' => 'production' } => :otlp, { 'RAILS_ENV' => 'production' } => :otlp,
      { 'OTEL_EXPORTER_OTLP_ENDPOINT' => 'http://127.0.0.1:1' } => :otlp,
      { 'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT' => 'http://127.0.0.1:1/x', 'RAILS_ENV' => 'test' } => :otlp
    }.each do |variables, exporter|
      it "auto means #{exporter} with #{variables.empty? ? 'nothing set' : variables}" do
        with_env(RAILS_ENV: nil, **variables.transform_keys(&:to_sym)) do
          expect(Tasker::Native::PipelineOptions.exporters_of(described_class.new)).to eq([exporter])
        end
      end
    end

    it 'auto means otlp where code names an endpoint' do
      settings.otlp_endpoint = 'http://127.0.0.1:1'

      expect(Tasker::Native::PipelineOptions.exporters_of(settings)).to eq([:otlp])
    end
  end

  describe 'Tasker.configuration' do
    it 'yields and returns the same object each time' do
      yielded = nil
      expect(Tasker.configuration { |config| yielded = config }).to be(yielded)
      expect(Tasker.configuration).to be(yielded).and be(Tasker::Configuration.configuration)
      expect(Tasker.configuration.telemetry).to be(telemetry)
    end

    it 'has settings that work with and without a block' do
      Tasker.configuration.telemetry.service_name = 'a'
      Tasker.configuration { |config| config.telemetry { |tel| tel.service_version = '2' } }

      expect(telemetry).to have_attributes(service_name: 'a', service_version: '2')
    end

    it 'goes back to the defaults by reset_configuration!' do
      configure(service_name: 'a')

      expect(Tasker.reset_configuration!.telemetry.service_name).to eq('tasker')
    end
  end
end
