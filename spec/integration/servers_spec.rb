# frozen_string_literal: true

require 'tasker/native/spool_directory'
require_relative '../support/collectors'
require_relative '../support/otlp_receiver'
require_relative '../support/rails_server'
require_relative '../support/redis_server'

# Real Puma and Sidekiq, with a Rails app whose telemetry is set up as README says.
RSpec.describe 'A server' do
  include Collectors

  include_context 'with a Rails app on a server'

  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  before do
    receiver.clear
    File.write(File.join(directory, 'app.rb'), <<~RUBY, mode: 'a')

      def publish_step(id) = Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1, step_id: id)
    RUBY
  end

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable
  let(:environment_of_server) { { 'COLLECTOR' => receiver.endpoint } }
  let(:telemetry_of_app) do # an end comes before the delay
    "tel.otlp_endpoint = ENV.fetch('COLLECTOR')\ntel.schedule_delay = Float(ENV.fetch('DELAY', 60))"
  end

  # What waits there; a file may go while it is looked at.
  def spans_in(spool)
    Dir.exist?(spool) ? Tasker::Native::SpoolDirectory.new(spool).segments.sum(&:spans) : 0
  end

  describe 'Puma, in cluster mode, with preload_app!' do
    before do
      write('config.ru', <<~RUBY)
        require_relative 'app'
        publish_step('before the fork')
        run(lambda do |env|
          publish_step(env['PATH_INFO'].delete('/'))
          [200, {}, [Process.pid.to_s]]
        end)
      RUBY
      write('puma.rb', "workers 2\npreload_app!\nthreads 2, 2\nbind 'tcp://127.0.0.1:#{port}'\n")
    end

    %i[TERM INT].each do |signal|
      it "delivers what master and workers have published, once, when it ends by SIG#{signal}" do
        workers = []
        serve('puma', 'puma', '-C', 'puma.rb', signal: signal) do
          wait_for_start
          workers = Array.new(4) { |thread| Thread.new { Array.new(10) { |id| get("/#{thread}.#{id}") } } }
                         .flat_map(&:value)
        end

        steps = receiver.steps_by_process
        expect(steps.values.flatten.tally).to include('before the fork' => 1)
        expect(steps.values.flatten.grep(/\./)).to match_array([*0..3].product([*0..9]).map { |ids| ids.join('.') })
        expect(steps.keys.map(&:to_s)).to include(*workers.uniq)
        expect(File.read(File.join(directory, 'server.log'))).not_to match(/tasker-native|thread.* before fork/i)
      end
    end

    it 'loses nothing that killed workers have spooled: others deliver it' do
      spool = File.join(directory, 'tmp/tasker_spool')
      serve('puma', 'puma', '-C', 'puma.rb', COLLECTOR: dead_endpoint, DELAY: '0.01') do
        wait_for_start
        workers = Array.new(10) { |id| get("/killed.#{id}").to_i }.uniq
        eventually('all on disk', timeout: 30) { spans_in(spool) >= 12 } # ten, one of the start, one of before the fork
        Process.kill(:KILL, *workers)
      end

      serve('puma', 'puma', '-C', 'puma.rb') do
        wait_for_start
        eventually('the spool to be empty', timeout: 30) { Dir.empty?(spool) }
      end
      expect(receiver.steps_by_process.values.flatten.grep(/killed/)).to match_array(Array.new(10) { |id|
        "killed.#{id}"
      })
    end
  end

  describe 'Sidekiq' do
    let(:redis) { RedisServer.new.start }

    after { redis.stop }

    it 'delivers what its jobs have published, when it ends' do
      write('jobs.rb', <<~RUBY)
        require 'sidekiq'
        Sidekiq.configure_server { |config| config.redis = { url: ENV.fetch('REDIS') } }
        Sidekiq.configure_client { |config| config.redis = { url: ENV.fetch('REDIS') } }
        require_relative 'app'

        class StepJob
          include Sidekiq::Job

          def perform(id)
            publish_step(id)
            File.write(File.join(__dir__, "done.\#{id}"), '')
          end
        end
      RUBY
      enqueue = "require './jobs'; 20.times { |id| StepJob.perform_async(id.to_s) }"
      ruby(enqueue, gems: true, chdir: directory, env: { 'REDIS' => redis.url, 'COLLECTOR' => receiver.endpoint })
      serve('sidekiq', 'sidekiq', '-r', './jobs.rb', '-c', '4', REDIS: redis.url) do
        eventually('the jobs', timeout: 30) { Dir[File.join(directory, 'done.*')].size == 20 }
      end

      expect(receiver.steps_by_process.values).to contain_exactly(match_array(Array.new(20, &:to_s)))
    end
  end
end
