# frozen_string_literal: true

require 'open3'
require 'stringio'
require 'tmpdir'
require_relative '../../../lib/tasker/native/recorded_traces'
require_relative '../../support/otlp_json_spans'

RSpec.describe Tasker::Native::RecordedTraces do
  include OtlpJsonSpans

  let(:directory) { Dir.mktmpdir }
  let(:path) { File.join(directory, 'traces.jsonl') }

  after { FileUtils.remove_entry(directory) }

  def record(*task_ids)
    lines = task_ids.map do |id|
      attributes = { 'tasker.task_id' => id, 'tasker.token' => '[FILTERED]' }
      otlp_line(otlp_span('tasker.task.execution', traceId: format('%032x', id), from: id, to: id + 1,
                                                   attributes: attributes))
    end
    File.write(path, lines.map { |line| "#{line}\n" }.join)
  end

  def shown(**variables)
    io = StringIO.new
    described_class.from_environment({ 'FILE' => path }.merge(variables.transform_keys(&:to_s))).print(io: io)
    io.string
  end

  def tasks_in(text)
    text.scan(/task (\d+)/).flatten.map(&:to_i)
  end

  it 'shows the last ten traces, or as many as were asked for, or those of a task' do
    record(*1..12)

    expect(tasks_in(shown)).to eq([*3..12])
    expect(tasks_in(shown(LIMIT: '2'))).to eq([11, 12])
    expect(tasks_in(shown(TASK_ID: '5'))).to eq([5])
  end

  it 'shows attributes when asked to' do
    record(1)

    expect(shown).to include('masked: tasker.token')
    expect(shown).not_to include('tasker.task_id = 1')
    expect(shown(ATTRIBUTES: '1')).to include('tasker.task_id = 1')
  end

  it 'tells of damaged lines' do
    record(1)
    File.write(path, "damaged\n", mode: 'a')

    expect(shown).to end_with("\n1 damaged lines in #{path} were skipped\n")
  end

  it 'says what to do when there is nothing to show' do
    expect { shown }.to raise_error(described_class::Unavailable, /#{path} does not exist.*exporter = :file.*FILE=/m)
    record(1)
    expect { shown(TASK_ID: '7') }.to raise_error(described_class::Unavailable, /no trace of task 7 in/)
    expect { shown(LIMIT: 'all') }.to raise_error(described_class::Unavailable, /LIMIT="all".*such as 10/)
    expect { shown(FILE: directory) }.to raise_error(described_class::Unavailable)
  end

  describe 'rake tasker:telemetry:traces' do
    def rake(*arguments, before: '')
      rakefile = File.join(directory, 'Rakefile')
      tasks = File.expand_path('../../../lib/tasks/tasker_telemetry.rake', __dir__)
      File.write(rakefile, "#{before}\nload #{tasks.inspect}\ntask(:environment) { puts 'environment' }")
      Open3.capture3(Gem.ruby, '-S', 'rake', '-f', rakefile, *arguments, chdir: directory)
    end

    it 'prints them, with the environment loaded' do
      record(1)
      output, _, status = rake('tasker:telemetry:traces', "FILE=#{path}")

      expect(output).to match(/\Aenvironment\n[✓+] tasker.task.execution  1 ms  OK  task 1/)
      expect(status).to be_success
    end

    it 'looks where the app was configured to write' do
      record(1)
      settings = "Struct.new(:trace_file, :filter_mask).new(#{path.inspect}, 'tasker.task')"
      output, = rake('tasker:telemetry:traces', before: <<~RUBY)
        module Tasker
          def self.configuration = Struct.new(:telemetry).new(#{settings})
        end
      RUBY

      expect(output).to include('task 1')
    end

    it 'says what to do, and fails, when there is no file' do
      _, errors, status = rake('tasker:telemetry:traces')

      expect(errors).to include('log/tasker_traces.jsonl does not exist')
      expect(status.exitstatus).to eq(1)
    end

    it 'is in the list' do
      expect(rake('-T').first).to match(/rake tasker:telemetry:traces +# Show recorded traces as waterfalls/)
    end
  end
end
