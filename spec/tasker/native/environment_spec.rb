# frozen_string_literal: true

RSpec.describe Tasker::Native::Environment do
  let(:settings) { Tasker::Native::Settings.new }

  # What telemetry is configured with, as it is when it starts with these variables.
  def with(**variables)
    with_env(**variables) { yield settings }
  end

  {
    otlp_endpoint: { OTEL_EXPORTER_OTLP_ENDPOINT: %w[https://a:1 https://a:1] },
    otlp_headers: { OTEL_EXPORTER_OTLP_HEADERS: ['a=b, c = d%20e%2Cf', { 'a' => 'b', 'c' => 'd e,f' }],
                    OTEL_EXPORTER_OTLP_TRACES_HEADERS: ['x=y=z+', { 'x' => 'y=z+' }] },
    otlp_compression: { OTEL_EXPORTER_OTLP_COMPRESSION: %w[none none],
                        OTEL_EXPORTER_OTLP_TRACES_COMPRESSION: %w[GZIP gzip] },
    otlp_timeout: { OTEL_EXPORTER_OTLP_TIMEOUT: ['2500', 2.5], OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: ['1', 0.001] },
    otlp_certificate: { OTEL_EXPORTER_OTLP_CERTIFICATE: %w[/ca.pem /ca.pem],
                        OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE: %w[a.pem a.pem] },
    otlp_client_certificate: { OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE: %w[/c.pem /c.pem],
                               OTEL_EXPORTER_OTLP_TRACES_CLIENT_CERTIFICATE: %w[c.pem c.pem] },
    otlp_client_key: { OTEL_EXPORTER_OTLP_CLIENT_KEY: %w[/k.pem /k.pem],
                       OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY: %w[k.pem k.pem] },
    max_queue_size: { OTEL_BSP_MAX_QUEUE_SIZE: ['7', 7] },
    max_export_batch_size: { OTEL_BSP_MAX_EXPORT_BATCH_SIZE: ['8', 8] },
    schedule_delay: { OTEL_BSP_SCHEDULE_DELAY: ['250', 0.25] },
    span_attribute_count_limit: { OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: ['9', 9], OTEL_ATTRIBUTE_COUNT_LIMIT: ['10', 10] },
    span_attribute_value_length_limit: { OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT: ['11', 11],
                                         OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: ['12', 12] },
    span_event_count_limit: { OTEL_SPAN_EVENT_COUNT_LIMIT: ['0', 0] },
    span_link_count_limit: { OTEL_SPAN_LINK_COUNT_LIMIT: [' 13 ', 13] },
    exporter: { OTEL_TRACES_EXPORTER: ['otlp', [:otlp]] }
  }.each do |name, variables|
    variables.each do |variable, (text, value)|
      it "#{variable} is the default of #{name}, below code" do
        default = settings.public_send(name)
        with(variable => text) do
          expect(settings.public_send(name)).to eq(value)
          settings.public_send(:"#{name}=", default)
          expect(settings.public_send(name)).to eq(default)
        end
      end

      it "#{variable} counts as not set when it is empty" do
        default = settings.public_send(name)

        with(variable => ' ') { expect(settings.public_send(name)).to eq(default) }
        expect(log).to be_empty
      end
    end
  end

  it 'prefers code, then the variable of the signal, then the general one' do
    with(OTEL_EXPORTER_OTLP_TIMEOUT: '1000', OTEL_EXPORTER_OTLP_TRACES_TIMEOUT: '2000') do
      expect(settings.otlp_timeout).to eq(2.0)
      settings.otlp_timeout = 3
      expect(settings.otlp_timeout).to eq(3.0)
    end
  end

  {
    OTEL_EXPORTER_OTLP_ENDPOINT: [:otlp_endpoint, %w[localhost:4318 ftp://host http://host:99999 nonsense]],
    OTEL_EXPORTER_OTLP_HEADERS: [:otlp_headers, ['novalue', '=x', 'a=%zz', 'a=b%0Ac: d', 'a b=c', 'a=b,,c=d']],
    OTEL_EXPORTER_OTLP_COMPRESSION: [:otlp_compression, %w[zstd]],
    OTEL_EXPORTER_OTLP_TIMEOUT: [:otlp_timeout, %w[0 -5 soon 1.5 10s]],
    OTEL_EXPORTER_OTLP_CERTIFICATE: [:otlp_certificate, ["a\nb"]],
    OTEL_BSP_MAX_QUEUE_SIZE: [:max_queue_size, ['0', '-1', 'many', '9' * 30]],
    OTEL_BSP_MAX_EXPORT_BATCH_SIZE: [:max_export_batch_size, %w[0 x]],
    OTEL_BSP_SCHEDULE_DELAY: [:schedule_delay, %w[-1 x]],
    OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT: [:span_attribute_count_limit, ['-1', 'x', '9' * 30]],
    OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT: [:span_attribute_value_length_limit, ['-1', '9' * 30]],
    OTEL_SPAN_EVENT_COUNT_LIMIT: [:span_event_count_limit, ['x', '9' * 30]],
    OTEL_SPAN_LINK_COUNT_LIMIT: [:span_link_count_limit, ['x', '9' * 30]],
    OTEL_TRACES_EXPORTER: [:exporter, %w[zipkin jaeger,otlp ,]]
  }.each do |variable, (name, bad)|
    it "warns once of a bad #{variable}, by name and not by value, and uses the default" do
      default = settings.public_send(name)
      bad.each do |text|
        described_class.forget_warnings
        before = log_lines.size
        with(variable => text) { 3.times { expect(settings.public_send(name)).to eq(default) } }

        expect(log_lines.size).to eq(before + 1)
        expect(log_lines.last).to start_with("WARN tasker-native: #{variable} has a value that can't be used")
        expect(log_lines.last).not_to include(text) unless variable.to_s.include?(text)
      end
    end
  end

  describe 'a process with bad variables' do
    it 'still makes spans, with one warning each' do
      variables = { OTEL_EXPORTER_OTLP_ENDPOINT: 'nonsense', OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'nonsense',
                    OTEL_EXPORTER_OTLP_HEADERS: "a=b\xFF", OTEL_ATTRIBUTE_COUNT_LIMIT: '9' * 30,
                    OTEL_BSP_MAX_QUEUE_SIZE: '9' * 30, OTEL_SERVICE_NAME: "b\xFFd", OTEL_SPAN_LINK_COUNT_LIMIT: 'x' }
      with(**variables) do
        2.times { |number| configure(exporter: :memory, service_version: number.to_s) }
        expect(span_of(a: 1).resource).to include('service.name' => "b\u{FFFD}d")
        configure(exporter: %i[memory otlp])
        expect(span_of(a: 1)).to be_a(Tasker::Native::SpanData)
      end

      told = log_lines(/has a value that can't be used/).map { |line| line[/OTEL_\w+/] }
      expect(told).to match_array(told.uniq)
    end
  end

  describe 'OTEL_SDK_DISABLED' do
    it 'switches spans off when it is true, in whatever case' do
      with(OTEL_SDK_DISABLED: 'True') do
        configure(service_version: '2')
        publish('step.completed', task_id: 1, step_id: 1)
        expect(stats).to include(accepted: 0)
      end
    end

    it 'does nothing when it is anything else' do
      with(OTEL_SDK_DISABLED: '1') do
        configure(service_version: '2')
        expect(span_of(a: 1)).to be_a(Tasker::Native::SpanData)
      end
    end
  end

  describe 'OTEL_TRACES_EXPORTER' do
    it 'may name several' do
      with(OTEL_TRACES_EXPORTER: 'otlp, console') { expect(settings.exporter).to eq(%i[otlp console]) }
    end

    it 'may be none' do
      with(OTEL_TRACES_EXPORTER: 'none') do
        expect(Tasker::Native::PipelineOptions.exporters_of(settings)).to be_empty
      end
    end
  end

  describe 'OTEL_RESOURCE_ATTRIBUTES' do
    it 'is percent-decoded, with text in any encoding' do
      with(OTEL_RESOURCE_ATTRIBUTES: 'ort=M%C3%BCnchen, straße=Kö%C3%B6,bad=%FF') do
        configure(service_version: '2')
        expect(span_of(a: 1).resource).to include('ort' => 'München', 'straße' => 'Köö', 'bad' => "\u{FFFD}")
      end
    end

    it 'is left out as a whole when it is wrong' do
      with(OTEL_RESOURCE_ATTRIBUTES: 'a=b,nonsense') do
        configure(service_version: '2')
        expect(span_of(a: 1).resource).not_to have_key('a')
      end
      expect(log).to include('OTEL_RESOURCE_ATTRIBUTES has a value')
    end

    it 'yields to OTEL_SERVICE_NAME' do
      with(OTEL_RESOURCE_ATTRIBUTES: 'service.name=a', OTEL_SERVICE_NAME: 'b') do
        configure(service_version: '2')
        expect(span_of(a: 1).resource).to include('service.name' => 'b')
      end
    end
  end
end
