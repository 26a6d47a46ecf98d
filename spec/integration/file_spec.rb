# frozen_string_literal: true

require 'opentelemetry/proto/collector/trace/v1/trace_service_pb'
require 'tmpdir'
require_relative '../support/otlp_receiver'
require_relative '../support/traffic'

RSpec.describe 'The exporter :file' do
  around do |example|
    Dir.mktmpdir do |directory|
      @path = File.join(directory, 'traces.jsonl')
      example.run
    end
  end

  before { configure(exporter: :file, trace_file: path) }

  let(:path) { @path } # rubocop:disable RSpec/InstanceVariable

  def written(path = self.path)
    Tasker::Native.flush
    Tasker::Native::TraceFile.new(path).spans
  end

  def mode(path)
    format('%o', File.stat(path).mode & 0o777)
  end

  def dropped
    stats[:dropped].reject { |_, count| count.zero? }
  end

  # The official class, which knows ids in base64 and refuses fields it does not know.
  def decoded(line)
    json = line.gsub(/"((?:trace|span|parentSpan)Id)":"(\h+)"/) { %("#{$1}":"#{[[$2].pack('H*')].pack('m0')}") } # rubocop:disable Style/PerlBackrefs
    Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceRequest.decode_json(json)
  end

  it 'writes just what was published' do
    expect(Traffic.new.run.problems(written)).to be_empty
  end

  it 'writes just what a collector gets' do
    receiver = OtlpReceiver.start
    configure(exporter: %i[otlp file], otlp_endpoint: receiver.endpoint)
    Traffic.new.run

    expect(written).to eq(receiver.spans)
    expect(stats[:exporters]).to eq(otlp: { exported: 5, dropped: 0 }, file: { exported: 5, dropped: 0 })
  ensure
    receiver&.stop
  end

  it 'writes a request a line, as OTLP\'s JSON form has it' do
    2.times { |number| Traffic.new("order #{number}").run }
    lines = File.readlines(path)
    requests = lines.map { |line| decoded(line) }

    expect(lines.size).to eq(2)
    expect(requests.map { |request| request.resource_spans[0].scope_spans[0].spans.size }).to eq([5, 5])
    expect(requests.map { |request| request.resource_spans[0].scope_spans[0].scope.name }).to all(eq('tasker-native'))
  end

  it 'writes text and numbers that are hard to write' do
    payload = { text: "a\u0000\u001F\"\\\n\u{2028}\u{1F600}\u007F", nan: Float::NAN, infinity: -Float::INFINITY,
                large: (2**63) - 1, small: -(2**63), tiny: 5e-324, huge: 1.7976931348623157e308 }
    publish('step.completed', task_id: 1, step_id: 2, **payload)
    attributes = written.first.attributes
    decoded(File.read(path))

    expect(attributes['tasker.nan']).to be_nan
    expect(attributes).to include(payload.except(:nan).transform_keys { |key| "tasker.#{key}" })
  end

  it 'makes a file that only its owner may read' do
    publish('step.completed', task_id: 1, step_id: 2)
    Tasker::Native.flush

    expect(mode(path)).to eq('600')
  end

  it 'makes the folder, and is relative to the app' do
    Dir.chdir(File.dirname(path)) do
      configure(trace_file: 'deep/down/traces.jsonl')
      publish('step.completed', task_id: 1, step_id: 2)
      Tasker::Native.flush
    end

    expect(written("#{File.dirname(path)}/deep/down/traces.jsonl").size).to eq(1)
  end

  it 'appends to what is there' do
    File.write(path, "{}\n")
    publish('step.completed', task_id: 1, step_id: 2)

    expect(written.size).to eq(1)
    expect(File.readlines(path).first).to eq("{}\n")
  end

  it 'opens the file at its first span' do
    expect(File.exist?(path)).to be(false)
  end

  it 'begins a new file when somebody has moved the old one away' do
    publish('step.completed', task_id: 1, step_id: 1)
    Tasker::Native.flush
    File.rename(path, "#{path}.old")
    publish('step.completed', task_id: 1, step_id: 2)

    expect(written.size).to eq(1)
    expect(Tasker::Native::TraceFile.new("#{path}.old").to_a.size).to eq(1)
  end

  it 'leaves no span that is secret' do
    Traffic.new.run
    text = File.read(path)

    expect(Traffic::SECRETS.select { |secret| text.include?(secret) }).to be_empty
  end

  describe 'when it can not write' do
    def export
      publish('step.completed', task_id: 1, step_id: 2)
      Tasker::Native.flush
    end

    def told
      eventually('a log line') { log_lines(/lost/).first }
    end

    it 'counts a path that is a folder, and says which' do
      Dir.mkdir(path)
      export

      expect(dropped).to eq(storage: 1)
      expect(told).to include("1 span was lost (storage): #{path}: Is a directory. Next: check tel.trace_file")
    end

    it 'never follows a symbolic link' do
      File.symlink('/etc/passwd', path)
      export

      expect(dropped).to eq(storage: 1)
      expect(File.read('/etc/passwd')).not_to include('resourceSpans')
    end

    it 'does not wait for somebody to read a pipe' do
      File.mkfifo(path)

      expect(seconds { export }).to be < 2
      expect(dropped).to eq(storage: 1)
    end

    it 'counts a folder that can not be made' do
      File.write(path, '')
      configure(trace_file: "#{path}/below/traces.jsonl")
      export

      expect(dropped).to eq(storage: 1)
      expect(told).to include('Not a directory')
    end

    it 'leaves nothing of a line behind when the disk is full' do
      skip 'needs /dev/full' unless File.chardev?('/dev/full')
      configure(trace_file: '/dev/full')
      export

      expect(dropped).to eq(storage: 1)
    end

    it 'goes on once it can' do
      Dir.mkdir(path)
      export
      Dir.rmdir(path)
      publish('step.completed', task_id: 1, step_id: 3)

      expect(written.size).to eq(1)
      expect(stats).to include(accepted: 2, exported: 1)
    end
  end

  it 'is shared by several processes: every line is whole' do
    script = <<~RUBY
      require 'tasker-native'
      Tasker.configuration do |config|
        config.telemetry do |tel|
          tel.exporter = :file
          tel.trace_file = ARGV[0]
          tel.max_export_batch_size = 7
          tel.schedule_delay = 0
        end
      end
      publish = ->(id) { Tasker::Events::Publisher.instance.publish('step.completed', task_id: ARGV[1], step_id: id, text: 'x' * 3000) }
      100.times(&publish)
      child = fork { 100.times { |id| publish.call("child \#{id}") } }
      Process.wait(child)
    RUBY
    pids = Array.new(3) { |number| spawn_ruby(script, path, number.to_s) }
    pids.each { |pid| Process.wait(pid) }
    file = Tasker::Native::TraceFile.new(path)

    expect(file.map { |span| span.attributes.values_at('tasker.task_id', 'tasker.step_id') }.uniq.size).to eq(600)
    expect(file.to_a.size).to eq(600)
    expect(file.damaged_lines).to eq(0)
    expect(file.map { |span| span.resource['process.pid'] }.uniq.size).to eq(6)
  end
end
