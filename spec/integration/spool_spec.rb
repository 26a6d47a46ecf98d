# frozen_string_literal: true

require 'fileutils'
require_relative '../support/fault_receiver'
require_relative '../support/own_directory'
require_relative '../support/publishing_process'

RSpec.describe 'The spool' do
  include_context 'with a directory'

  let(:spool) { File.join(directory, 'spool') }
  let(:log) { File.join(directory, 'log') }
  let(:port) { FaultReceiver.closed_port }

  # A process for which nobody is there, until there is a receiver on the port.
  def process(count: 10, **settings)
    process = PublishingProcess.new(log: log, count: count, otlp_endpoint: "http://127.0.0.1:#{port}",
                                    otlp_timeout: 0.2,
                                    schedule_delay: 0.01, max_export_batch_size: 5, spool_directory: spool, **settings)
    yield process
  ensure
    process&.stop
  end

  def receive(*faults, &) = FaultReceiver.open(*faults, port: port, &)

  # Before the process ends: then all that was not told yet is.
  def log_lines(pattern)
    File.readlines(log).grep(pattern)
  end

  def segments
    Dir.children(spool).grep(/\.spool\z/)
  end

  it 'keeps what a collector misses while it restarts, in its order' do
    process(count: 20) do |process|
      receive { expect(process.publish).to include(exported: 20) }
      expect(process.publish).to include(accepted: 40, exported: 20, spooled: 20, dropped: {})
      receive do |receiver|
        expect(process.settle).to include(accepted: 40, exported: 40, spooled: 0, dropped: {}, unbalanced: 0)
        expect(receiver.received_span_ids.size).to eq(20)
      end
    end
    expect(segments).to be_empty
  end

  it 'is of one user alone' do
    process do |process|
      process.publish
      modes = [spool, *segments.map { |name| File.join(spool, name) }].map { |path| File.stat(path).mode & 0o777 }

      expect(modes.tally).to eq(0o700 => 1, 0o600 => 1)
    end
  end

  it 'tells what fsync has confirmed' do
    process do |process|
      process.publish
      synced = eventually('fsync') { process.publish.then { |told| told if told[:spool][:synced] == told[:spooled] } }

      expect(synced[:spool]).to include(segments: 1, bytes: be > 1000, damaged: 0, errors: 0)
    end
  end

  it 'takes what finds no room in the queue while a request is under way' do
    receive(:never) do |receiver|
      process(count: 300, max_queue_size: 40, otlp_timeout: 3, pause: 0.001) do |process|
        told = process.publish
        expect(told).to include(accepted: 300, exported: 0, spooled: 300, dropped: {}, unbalanced: 0,
                                longest: be < 0.02)

        receiver.faults = [:ok]
        expect(process.settle).to include(exported: 300, spooled: 0)
        expect(receiver.accepted_span_ids.uniq.size).to eq(300)
      end
    end
  end

  it 'takes it, too, while a request from disk is under way' do
    process(count: 200, max_queue_size: 40, otlp_timeout: 3, pause: 0.001) do |process|
      process.publish
      receive(:never) do |receiver|
        eventually('a request from disk', timeout: 30) { receiver.connections.positive? }
        told = process.publish
        expect(told).to include(accepted: 400, exported: 0, spooled: 400, dropped: {}, unbalanced: 0)

        receiver.faults = [:ok]
        expect(process.settle).to include(exported: 400, spooled: 0)
      end
    end
  end

  it 'lets spans of now pass those that wait' do
    process(count: 400, max_export_batch_size: 1, max_queue_size: 1000, pause: 0) do |process|
      process.publish
      receive([:delay, 0.02]) do |receiver|
        now = process.publish
        eventually('the collector to be back', timeout: 30) { (now = process.publish)[:exported] > 10 }

        expect(now).to include(in_flight: 0)
        expect(receiver.accepted_span_ids.size).to be < now[:accepted]
      end
    end
  end

  describe 'of a process that has ended' do
    it 'is delivered by another one, once' do
      process { |process| expect(process.publish).to include(spooled: 10) }
      expect(segments.size).to eq(1)
      receive do |receiver|
        process { |process| expect(process.publish).to include(accepted: be_between(10, 20), dropped: {}) }
        eventually('all') { receiver.accepted_span_ids.size == 20 }
        expect(receiver.accepted_span_ids.uniq.size).to eq(20)
      end
    end

    it 'is delivered by another one though it was killed' do
      process do |process|
        expect(process.publish).to include(spooled: 10)
        process.kill
      end
      receive do |receiver|
        process do |process|
          process.publish
          expect(process.settle).to include(accepted: 20, exported: 20, spooled: 0, dropped: {}, unbalanced: 0)
        end
        expect(receiver.accepted_span_ids.tally.values).to eq([1] * 20)
      end
    end

    it 'is not taken while that one lives' do
      process do |living|
        living.publish
        receive do |receiver|
          receiver.faults = [[:status, 400]] # nothing is taken, and nothing is tried again
          process { |other| expect(other.publish).to include(accepted: 10, dropped: { rejected: 10 }) }
        end
      end
    end
  end

  it 'drops the oldest when it is full, and counts it' do
    process(count: 200, spool_max_bytes: 10_000, pause: 0) do |process|
      told = process.publish

      expect(told[:dropped].keys).to eq([:spool_full])
      expect(told).to include(accepted: 200, spooled: 200 - told[:dropped][:spool_full], unbalanced: 0)
      expect(segments.sum { |name| File.size(File.join(spool, name)) }).to be <= 10_000
      receive do |receiver|
        expect(process.settle).to include(exported: told[:spooled], spooled: 0, dropped: told[:dropped])
        expect(receiver.accepted_span_ids.size).to eq(told[:spooled])
      end
      expect(log_lines(/lost \(spool_full\).*tel.spool_max_bytes/).size).to eq(1)
    end
  end

  it 'drops what is too old, and counts it' do
    process(spool_max_age: 0.5) do |process|
      process.publish
      sleep 0.6
      receive do |receiver|
        expect(process.settle).to include(accepted: 10, exported: 0, spooled: 0, dropped: { spool_expired: 10 })
        expect(receiver.accepted_span_ids).to be_empty
      end
    end
  end

  describe 'that can not be used' do
    # Spans are lost for the reason why they could not be sent, and the log says what is wrong with the spool, once.
    def expect_trouble(message, **settings)
      process(**settings) do |process|
        2.times { process.publish }
        told = process.publish

        expect(told).to include(accepted: 30, spooled: 0, dropped: { unreachable: 30 }, unbalanced: 0,
                                longest: be < 0.02)
        expect(told[:spool][:errors]).to be_positive
        expect(log_lines(/lost .*spool.*#{message}.*Next: check tel.spool_directory/).size).to eq(1)
      end
    end

    it 'for it is a file' do
      File.write(spool, 'mine')
      expect_trouble('Not a directory')
      expect(File.read(spool)).to eq('mine')
    end

    it 'for it is a link' do
      Dir.mkdir("#{spool}.else", 0o700)
      File.symlink("#{spool}.else", spool)
      expect_trouble('(Too many levels of symbolic links|Not a directory)')
      expect(Dir.empty?("#{spool}.else")).to be(true)
    end

    it 'for it holds other things, and others may use it' do
      FileUtils.mkdir_p(File.join(spool, 'cache'))
      File.chmod(0o755, spool)
      expect_trouble('it holds other things than a spool')
      expect(File.stat(spool).mode & 0o777).to eq(0o755)
    end

    it 'for nothing can be written there' do
      expect_trouble('No such file or directory', spool_directory: '/proc/none/spool')
    end
  end

  it 'does not mind garbage that lies in it' do
    Dir.mkdir(spool, 0o700)
    names = Array.new(3) { |id| format('%<created>016x-%<id>016x.spool', created: 1000 + id, id: id) }
    File.binwrite(File.join(spool, names[0]), Random.new(1).bytes(100_000))
    File.write(File.join(spool, names[1]), '')
    File.mkfifo(File.join(spool, names[2]))
    File.write(File.join(spool, 'notes.txt'), 'mine')
    receive do |receiver|
      process do |process|
        process.publish
        expect(process.settle).to include(accepted: 10, exported: 10, dropped: {}, spool: include(damaged: be_positive))
      end
      expect(receiver.requests).to all(have_attributes(error: nil))
    end
    expect(File.read(File.join(spool, 'notes.txt'))).to eq('mine')
  end

  describe 'on a disk that is full' do
    before do
      Dir.mkdir(spool, 0o700)
      mounted = system('mount', '-t', 'tmpfs', '-o', 'size=64k,mode=700', 'none', spool, err: File::NULL)
      skip 'only root can mount a small disk' unless mounted
    end

    after { system('umount', spool, err: File::NULL) }

    it 'loses what finds no room, counts it, and goes on with what has found some' do
      process(count: 2000, pause: 0, max_queue_size: 5000) do |process|
        told = process.publish

        expect(told[:dropped].keys).to eq([:unreachable])
        expect(told).to include(accepted: 2000, spooled: be > 100, unbalanced: 0, longest: be < 0.02)
        receive do |receiver|
          settled = process.settle
          expect(settled).to include(exported: told[:spooled], spooled: 0, dropped: told[:dropped])
          expect(receiver.accepted_span_ids.uniq.size).to eq(told[:spooled])
        end
        expect(log_lines(/No space left on device/).size).to eq(1)
      end
    end
  end
end
