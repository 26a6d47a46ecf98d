# frozen_string_literal: true

require 'open3'
require_relative '../support/collectors'
require_relative '../support/fault_receiver'
require_relative '../support/own_directory'

# `tasker-native spool DIRECTORY`, and the same as rake tasks of a Rails app.
RSpec.describe 'The spool, for people' do
  include Collectors

  include_context 'with a directory'

  let(:spool) { File.join(directory, 'spool') }
  let(:program) { File.expand_path('../../exe/tasker-native', __dir__) }

  # A process that leaves so many spans behind, three a request.
  def leave_behind(count, endpoint = dead_endpoint)
    ruby(<<~RUBY, endpoint, spool)
      require 'tasker-native'
      Tasker::Native.logger = Logger.new(nil)
      Tasker.configuration do |config|
        config.telemetry.configure_telemetry(exporter: :otlp, otlp_endpoint: ARGV[0], spool_directory: ARGV[1],
                                             max_export_batch_size: 3, otlp_timeout: 0.1)
      end
      #{count}.times { |id| Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1, step_id: id) }
    RUBY
  end

  def command(*arguments, **env)
    out, err, status = Open3.capture3({ **RubyProcess::CLEAN, **env.transform_keys(&:to_s) }, Gem.ruby, '-w', '-I',
                                      RubyProcess::LIB, program, *arguments)
    RubyProcess::Result.new(out: out, err: err, status: status)
  end

  def damage
    File.open(Dir["#{spool}/*.spool"].first, 'r+b') { |file| [file.seek(100), file.write('x')] }
  end

  it 'lists what waits' do
    2.times { leave_behind(7) }
    result = command('spool', spool)

    expect(result.status).to be_success
    expect(result.out.lines.first).to match(/\Asegment +age +size +requests +spans +damaged +owner/)
    expect(result.out.scan(/^\h{16}-\h{16}.spool +\d s +[\d.]+ (?:Ki)?B +3 +7 +0 +none: the next one takes it$/).size)
      .to eq(2)
    expect(result.out.lines.last).to match(/\A2 segments, [\d.]+ KiB, 6 requests, 14 spans in #{spool}$/)
  end

  it 'verifies it, and says what is damaged' do
    leave_behind(7)
    expect(command('spool', spool, 'verify')).to have_attributes(status: be_success, out: /7 spans: all intact$/)

    damage
    result = command('spool', spool, 'verify')
    expect(result.status.exitstatus).to eq(1)
    expect(result.out).to match(/: damaged in 1 place\n.*2 requests, 4 spans: the rest is intact, and will be deliv/)
  end

  it 'delivers it, once, and says how far it has come' do
    2.times { leave_behind(7) }
    FaultReceiver.open(:ok) do |receiver|
      result = command('spool', spool, 'drain', '--endpoint', receiver.url)

      expect(result).to have_attributes(status: be_success, err: '')
      expect(result.out.lines.last(2)).to eq(["[#{'#' * 30}] 100 % 14 of 14 spans\n", "14 spans delivered\n"])
      expect(receiver.accepted_span_ids.tally.values).to eq([1] * 14)
      expect(command('spool', spool, 'drain', OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url).out).to eq("Nothing waits.\n")
    end
    expect(Dir.children(spool)).to be_empty
  end

  it 'keeps it, and fails, when the collector takes nothing' do
    leave_behind(3)
    nobody = command('spool', spool, 'drain', '--endpoint', dead_endpoint)
    expect(nobody).to have_attributes(status: have_attributes(exitstatus: 1),
                                      err: /Failed to connect.*Nothing was drained/)

    FaultReceiver.open([:status, 503]) do |receiver|
      busy = command('spool', spool, 'drain', '--endpoint', receiver.url)
      expect(busy).to have_attributes(status: have_attributes(exitstatus: 1), err: /it answered 503/)
    end
    expect(command('spool', spool).out).to include('1 request, 3 spans')
  end

  it 'leaves alone what a living process has' do
    configure(exporter: :otlp, otlp_endpoint: dead_endpoint, otlp_timeout: 0.1, spool_directory: spool)
    publish('step.completed', task_id: 1, step_id: 1)
    Tasker::Native.flush
    FaultReceiver.open(:ok) do |receiver|
      result = command('spool', spool, 'drain', '--endpoint', receiver.url)

      expect(result.out).to match(/\A1 segment, \d+ B, 1 request, 1 span: of living processes.*\nNothing waits.\n\z/)
      expect(receiver.accepted_span_ids).to be_empty
    end
    expect(command('spool', spool).out).to match(/ 1 +1 +0 +a living process$/)
  end

  it 'says what to do when it is used wrongly' do
    expect(command('--help')).to have_attributes(status: be_success, out: /\AUsage: tasker-native spool DIRECTORY/)
    expect(command('--version').out).to eq("tasker-native #{Tasker::Native::VERSION}\n")
    expect(command('spool', '/nowhere').err).to match(%r{There is no spool that can be read: .*/nowhere})
    [[], ['spool'], ['spol'], ['spool', '/x', 'burn'], ['spool', '/x', 'list', 'y'], ['--nix'],
     ['doctor', '--endpoint', 'nonsense']].each do |arguments|
      expect(command(*arguments)).to have_attributes(err: /\Atasker-native: .*--help/, out: '',
                                                     status: have_attributes(exitstatus: 1))
    end
  end

  it 'has the doctor, too' do
    FaultReceiver.open(:ok) do |receiver|
      expect(command('doctor', '--endpoint', receiver.url)).to have_attributes(status: be_success, err: '')
    end
    expect(command('doctor', OTEL_EXPORTER_OTLP_ENDPOINT: dead_endpoint).status.exitstatus).to eq(1)
  end

  describe 'in a Rails app' do
    def rake(*tasks, endpoint:)
      script = <<~RUBY
        require 'rails'
        require 'rake'
        require 'tasker-native'
        class App < Rails::Application
          config.root = ARGV.shift
          config.eager_load = false
          config.logger = Logger.new(nil)
          config.secret_key_base = 'x' * 32
        end
        Tasker.configuration { |config| config.telemetry.otlp_endpoint = ARGV.shift }
        App.load_tasks
        ARGV.each { |name| Rake::Task[name].invoke }
      RUBY
      run_ruby(script, directory, endpoint, *tasks, gems: true, env: { 'RAILS_ENV' => 'production' })
    end

    let(:spool) { File.join(directory, 'tmp/tasker_spool') }

    before { FileUtils.mkdir_p(File.dirname(spool)) }

    it 'lists, verifies and drains the spool of its settings' do
      leave_behind(7)
      expect(rake('tasker:telemetry:spool', endpoint: dead_endpoint).out).to include('3 requests, 7 spans')
      expect(rake('tasker:telemetry:spool:drain', endpoint: dead_endpoint).status.exitstatus).to eq(1)
      FaultReceiver.open(:ok) do |receiver|
        result = rake('tasker:telemetry:spool:verify', 'tasker:telemetry:spool:drain', endpoint: receiver.url)

        expect(result).to have_attributes(status: be_success, out: /all intact\n.*\n7 spans delivered\n\z/m)
        expect(receiver.accepted_span_ids.size).to eq(7)
      end
    end

    it 'has the doctor, with an exit code' do
      expect(rake('tasker:telemetry:doctor', endpoint: dead_endpoint))
        .to have_attributes(status: have_attributes(exitstatus: 1), out: /^PROBLEM +TCP .*\n +-> start a collector/)
      FaultReceiver.open(:ok) do |receiver|
        expect(rake('tasker:telemetry:doctor', endpoint: receiver.url))
          .to have_attributes(status: be_success, out: /Rails \d.*Telemetry is fine.\n\z/m)
      end
    end
  end
end
