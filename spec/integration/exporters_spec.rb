# frozen_string_literal: true

require 'tmpdir'
require_relative '../support/collectors'
require_relative '../support/otlp_receiver'
require_relative '../support/traffic'

RSpec.describe 'Exporters' do
  include Collectors

  describe ':console' do
    let(:script) do
      <<~RUBY
        require 'tasker-native'
        Tasker.configuration { |config| config.telemetry { |tel| tel.exporter = :console } }
        publisher = Tasker::Events::Publisher.instance
        publisher.publish('task.start_requested', task_id: 7)
        publisher.publish('step.before_handle', task_id: 7, step_id: 21)
        sleep 0.01
        publisher.publish('step.failed', task_id: 7, step_id: 21, error_message: "no\\nmoney \\e[31m", password: 'x')
        publisher.publish('task.completed', task_id: 7, steps: [1])
      RUBY
    end

    it 'writes a line for each span to standard output, at the latest at exit' do
      step, root, *more = ruby(script).lines

      expect(more).to be_empty
      expect(step).to match(/\AERROR tasker\.step\.execution +\d+\.\d ms trace=\h{32} span=\h{16} parent=\h{16} mess/)
      expect(root).to match(/\AOK    tasker\.task\.execution +\d+\.\d ms trace=\h{32} span=\h{16} \{"tasker.task_id"/)
      expect(step[/trace=\h+/]).to eq(root[/trace=\h+/])
      expect(step[/parent=\h+/].delete_prefix('parent=')).to eq(root[/span=\h+/].delete_prefix('span='))
    end

    it 'writes nothing that is secret, and nothing that a terminal would obey' do
      out = ruby(script)

      expect(out).to include('"tasker.password": "[FILTERED]"', 'no\nmoney \u001b[31m')
      expect(out).not_to include("\e")
    end

    it 'is no reason to hang, or to die, when nobody reads' do
      reader, writer = IO.pipe
      reader.close
      pid = spawn_ruby(script, out: writer, err: File::NULL)
      writer.close

      expect(Process.wait2(pid).last).to be_success
    end
  end

  describe 'several at once' do
    it 'all get every span; the first one counts' do
      Dir.mktmpdir do |directory|
        configure(exporter: %i[memory file], trace_file: "#{directory}/traces.jsonl")
        traffic = Traffic.new.run

        expect(traffic.problems(spans)).to be_empty
        expect(Tasker::Native::TraceFile.new("#{directory}/traces.jsonl").to_a).to eq(spans)
        expect(stats).to include(accepted: 5, exported: 5,
                                 exporters: { memory: { exported: 5, dropped: 0 }, file: { exported: 5, dropped: 0 } })
      end
    end

    it 'count each for itself: what one loses, the others have' do
      configure(exporter: %i[memory otlp], otlp_endpoint: dead_endpoint)
      Traffic.new.run

      expect(spans.size).to eq(5)
      expect(stats).to include(exported: 5, exporters: { memory: { exported: 5, dropped: 0 },
                                                         otlp: { exported: 0, dropped: 5 } })
      expect(stats[:dropped].values.sum).to eq(0)
      expect(eventually('a log line') { log_lines(/lost/).first }).to include('exporter :otlp lost 5 spans')
      expect(Tasker::Native.shutdown).to be(true)
    end

    it 'count the first one, though the others have it all' do
      configure(exporter: %i[otlp memory], otlp_endpoint: dead_endpoint)
      Traffic.new.run

      expect(spans.size).to eq(5)
      expect(stats[:dropped]).to include(unreachable: 5)
      expect(Tasker::Native.shutdown).to be(false)
    end
  end

  describe ':memory' do
    it 'keeps spans until they are taken, and forgets them with reset!' do
      span_of(a: 1)
      span_of(a: 2)
      expect(spans.size).to eq(2)
      Tasker::Native::Testing.reset!

      expect(spans).to be_empty
      expect(stats).to include(accepted: 0, exported: 0)
    end

    it 'is bounded, and counts what it can not keep' do
      configure(span_attribute_value_length_limit: 0, max_queue_bytes: 2**30, max_export_batch_size: 20)
      600.times { |id| publish('step.completed', task_id: 1, step_id: id, text: 'x' * 120_000) }
      Tasker::Native.flush(timeout: 30)

      expect(stats[:dropped][:memory]).to be_positive
      expect(stats[:exported]).to be_between(20, 580)
      expect(balanced?).to be(true)
    end

    it 'is what finished_spans needs' do
      configure(exporter: :console)

      expect { Tasker::Native::Testing.finished_spans }
        .to raise_error(Tasker::Native::ConfigurationError, /needs tel\.exporter = :memory/)
    end
  end
end
