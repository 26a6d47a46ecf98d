# frozen_string_literal: true

require 'stringio'
require 'time'
require_relative '../support/collectors'
require_relative '../support/fault_receiver'
require_relative '../support/own_directory'

RSpec.describe 'The doctor' do
  include Collectors

  include_context 'with a directory'

  let(:spool) { File.join(directory, 'spool') }

  # What it says of each part; as :fine, whether all is; as :told, all of it.
  def examine(**settings)
    configure(exporter: :otlp, spool_directory: spool, **settings)
    io = StringIO.new
    fine = Tasker::Native.doctor(io: io)
    *rows, verdict = io.string.lines(chomp: true).slice_when { |_, line| !line.match?(/\A +->/) }.to_a
    { **rows.to_h { |lines| finding(*lines) }, fine: fine, told: io.string, verdict: verdict.first }
  end

  def finding(line, advice = nil)
    verdict, part, text = line.split(/ {2,}/, 3)
    [part, { verdict: verdict, text: text, advice: advice&.strip }]
  end

  it 'finds nothing wrong where all is well, and sends an export without spans' do
    FaultReceiver.open([:status, 200, { headers: { 'Date' => Time.now.httpdate } }]) do |receiver|
      found = examine(otlp_endpoint: receiver.url, service_name: 'orders')

      expect(found).to include(fine: true, verdict: 'Telemetry is fine.')
      expect(found.values_at('DNS', 'TCP', 'clock', 'spool')).to all(include(verdict: 'ok'))
      expect(found).to include(
        'configuration' => include(verdict: 'ok', text: 'service orders, exporter :otlp'),
        'libraries' => include(text: /tasker-native \d.* Ruby \d.* libcurl\S+ \S+SSL/),
        'export' => include(verdict: 'ok', text: %r{http://127.0.0.1:\d+/v1/traces answered 200, [\d.]+ ms})
      )
      expect(receiver.requests).to contain_exactly(have_attributes(span_ids: [], error: nil, unknown_bytes: 0))
      expect(Dir.children(directory)).to be_empty
    end
  end

  it 'tells where the way to the collector ends, and the next step' do
    name = examine(otlp_endpoint: 'http://collector.invalid:4318')
    port = examine(otlp_endpoint: dead_endpoint)

    expect(name).to include(fine: false, verdict: '1 problem.')
    expect(name['DNS']).to include(verdict: 'PROBLEM', text: /resolve host/, advice: /check the name/)
    expect(name['TCP']).to include(verdict: '-', text: 'not reached')
    expect(port['DNS']).to include(verdict: 'ok')
    expect(port['TCP']).to include(verdict: 'PROBLEM', text: /connect/, advice: /4318 is HTTP, 4317 is gRPC/)
  end

  it 'tells when there is no TLS where it should be' do
    FaultReceiver.open(:ok) do |receiver|
      found = examine(otlp_endpoint: receiver.url.sub('http:', 'https:'))

      expect(found['TCP']).to include(verdict: 'ok')
      expect(found['TLS']).to include(verdict: 'PROBLEM', advice: /otlp_certificate/)
      expect(found['export']).to include(verdict: '-')
    end
  end

  { 401 => /otlp_headers/, 404 => /path/, 503 => /busy/, 500 => /OTLP.HTTP receiver/ }.each do |status, advice|
    it "tells of an answer #{status}" do
      FaultReceiver.open([:status, status]) do |receiver|
        expect(examine(otlp_endpoint: receiver.url)['export'])
          .to include(verdict: 'PROBLEM', text: /answered #{status}/, advice: advice)
      end
    end
  end

  it 'waits no longer than otlp_timeout for an answer, and can be interrupted' do
    FaultReceiver.open(:never) do |receiver|
      expect(seconds { expect(examine(otlp_endpoint: receiver.url, otlp_timeout: 0.3)).to include(fine: false) })
        .to be < 2

      thread = Thread.new { examine(otlp_endpoint: receiver.url, otlp_timeout: 60) }
      thread.report_on_exception = false
      eventually('the request') { receiver.connections == 2 }
      expect(seconds { thread.kill.join }).to be < 2
    end
  end

  it 'compares the clocks' do
    FaultReceiver.open([:status, 200, { headers: { 'Date' => 'Thu, 01 Jan 2026 00:00:00 GMT' } }]) do |receiver|
      expect(examine(otlp_endpoint: receiver.url)['clock'])
        .to include(verdict: 'warning', text: /\A\+\d+ s/, advice: /NTP/)
    end
  end

  it 'shows no secret of the settings' do
    found = examine(
      otlp_endpoint: "http://user:pass-word@#{dead_endpoint.delete_prefix('http://')}/base?key=k-e-y",
      otlp_headers: { 'authorization' => 'Bearer s3cr3t-token' }
    )

    expect(found[:told]).not_to match(/pass-word|k-e-y|s3cr3t-token/)
  end

  describe 'of the spool' do
    def spool_finding(**settings)
      examine(otlp_endpoint: dead_endpoint, **settings)['spool']
    end

    it 'says that it is off' do
      expect(spool_finding(spool_directory: nil)).to include(verdict: 'warning', advice: /tel.spool_directory/)
    end

    it 'says what waits there' do
      configure(exporter: :otlp, spool_directory: spool, otlp_endpoint: dead_endpoint, otlp_timeout: 0.1)
      3.times { |id| publish('step.completed', task_id: 1, step_id: id) }
      Tasker::Native.flush

      expect(spool_finding).to include(verdict: 'ok', text: /3 spans wait in \d+ B of 256.0 MiB, for \d s/)
      expect(spool_finding(spool_max_bytes: 700)).to include(verdict: 'warning', advice: /spool_max_bytes/)
    end

    it 'says why it can not be used' do
      File.write(spool, '')
      expect(spool_finding).to include(verdict: 'PROBLEM', text: /it is no folder/)
      File.delete(spool)
      File.symlink(directory, spool)
      expect(spool_finding).to include(verdict: 'PROBLEM', text: /it is a symbolic link/)
    end

    it 'says that it would be refused, for it holds other things and others may use it' do
      FileUtils.mkdir_p(File.join(spool, 'cache'))
      File.chmod(0o755, spool)

      expect(spool_finding).to include(verdict: 'PROBLEM', text: /others may use it, and it holds other things/)
    end

    it 'says what is damaged' do
      Dir.mkdir(spool, 0o700)
      File.write(File.join(spool, '18ebbe38b73ccf7a-0f70f47632cddde4.spool'), 'TNSR and then nothing')

      expect(spool_finding).to include(verdict: 'warning', text: /damaged in 1 place/)
    end
  end

  it 'finds variables that can not be used' do
    with_env(OTEL_BSP_SCHEDULE_DELAY: 'soon') do
      expect(examine(otlp_endpoint: dead_endpoint)['environment'])
        .to include(verdict: 'PROBLEM', text: /OTEL_BSP_SCHEDULE_DELAY/)
    end
  end

  it 'says when telemetry is off, or writes into a folder that it can not write' do
    expect(examine(enabled: false)['configuration']).to include(verdict: 'warning', text: /off/)
    expect(examine(enabled: true, exporter: :none)['configuration']).to include(verdict: 'warning', advice: /exporter/)
    expect(examine(exporter: :file, trace_file: '/proc/none/traces')['file']).to include(verdict: 'PROBLEM')
    expect(examine(exporter: :memory)).not_to include('export', 'spool')
  end

  it 'says where metrics are, and where they go, without secrets' do
    configure(metrics_exporter: :otlp, otlp_endpoint: 'http://ada:secret@127.0.0.1:1', metrics_export_interval: 30)
    told = StringIO.new
    Tasker::Native.doctor(io: told)

    expect(told.string).to match(%r{metrics\s+of each process alone, by OTLP each 30\.0 s to http://127\.0\.0\.1:1/v1/metrics$})
  end
end
