# frozen_string_literal: true

require 'fileutils'
require 'time'
require_relative '../support/fault_receiver'
require_relative '../support/own_directory'
require_relative '../support/publishing_process'

# Every fault that a collector can have, with and without a spool. What is published in a process of its own ends in its
# accounts, exactly, and what those call delivered has arrived.
RSpec.describe 'Delivery, with a collector that has faults' do
  include_context 'with a directory'

  let(:spool) { File.join(directory, 'spool') }
  let(:log) { File.join(directory, 'log') }

  # 12 steps in requests of 4, while the receiver has these faults.
  def deliver(*faults, spool: nil, **settings)
    receiver = FaultReceiver.new(*faults.map { |fault| fault.is_a?(Proc) ? fault.call : fault })
    process = PublishingProcess.new(log: log, count: 12, otlp_endpoint: receiver.url, spool_directory: spool,
                                    schedule_delay: 0.01, max_export_batch_size: 4, otlp_timeout: 8, **settings)
    yield process, receiver
  ensure
    process&.stop
    receiver&.stop
  end

  # What must hold after each of them.
  def expect_truth(told, receiver)
    sum = told.values_at(:exported, :spooled, :in_flight).sum + told[:dropped].values.sum
    expect(told).to include(accepted: sum, in_flight: 0, unbalanced: 0, longest: be < 0.02)
    expect(receiver.accepted_span_ids.uniq.size).to be >= told[:exported]
    expect_whole_requests(receiver)
  end

  def expect_whole_requests(receiver)
    expect(receiver.requests).to all(have_attributes(error: nil, unknown_bytes: 0))
    expect(keys_by_span(receiver).values).to all(be_one)
  end

  # Under which keys each span was sent.
  def keys_by_span(receiver)
    pairs = receiver.requests.flat_map { |request| request.span_ids.map { |id| [id, request.idempotency_key] } }
    pairs.uniq.group_by(&:first)
  end

  # A date is one of the moment when the example runs.
  date = -> { { headers: { 'Retry-After' => (Time.now + 2).httpdate } } }
  passing = {
    'answers 429' => [[:status, 429]], 'answers 502' => [[:status, 502]], 'answers 503' => [[:status, 503]],
    'answers 504' => [[:status, 504]], 'resets before the body' => [:reset_before_body],
    'answers 503 and when to come back' => [[:status, 503, { headers: { 'Retry-After' => '1' } }]],
    'answers 429 and the date when to come back' => [-> { [:status, 429, date.call] }],
    'resets after the body' => [:reset_after_body], 'hangs up without an answer' => [:close_without_answer],
    'answers with half a body' => [:short_body],
    'fails in three ways' => [[:status, 503], :reset_after_body, :close_without_answer]
  }
  passing.each do |what, faults|
    it "that #{what}, gets everything once that is over, and nothing is lost" do
      deliver(*faults, :ok) do |process, receiver|
        told = nil

        expect(seconds { told = process.publish }).to be > 0.3
        expect_truth(told, receiver)
        expect(told).to include(accepted: 12, exported: 12, spooled: 0, dropped: {})
        expect(receiver.requests.map(&:fault)).to end_with([:ok])
      end
    end

    it "that #{what} without end, gets everything from disk once that is over" do
      deliver(*faults, spool: spool, otlp_timeout: 0.3) do |process, receiver|
        told = process.publish
        expect_truth(told, receiver)
        expect(told).to include(accepted: 12, exported: 0, spooled: 12, dropped: {})

        expect_emptied_spool(process, receiver)
      end
    end
  end

  # Once the collector is well again.
  def expect_emptied_spool(process, receiver)
    receiver.faults = [:ok]
    settled = process.settle
    expect_truth(settled, receiver)
    expect(settled).to include(accepted: 12, exported: 12, spooled: 0, dropped: {},
                               spool: include(segments: 0, bytes: 0, synced: 0, damaged: 0, errors: 0))
    expect(Dir.children(spool)).to be_empty
  end

  # Without a spool, for the longest time that a request may take.
  { 'answers 503' => [:unreachable, [:status, 503]], 'resets after the body' => %i[unreachable reset_after_body],
    'says nothing' => %i[deadline never] }.each do |what, (reason, fault)|
    it "that #{what} without end: its spans are #{reason} without a spool, and the log says so once" do
      deliver(fault, otlp_timeout: 0.3) do |process, receiver|
        told = process.publish

        expect_truth(told, receiver)
        expect(told).to include(accepted: 12, exported: 0, dropped: { reason => 12 })
        expect(File.readlines(log).grep(/lost \(#{reason}\): POST .*Next: /).size).to eq(1)
      end
    end
  end

  # What is no reason to try again: the request's spans are lost, the next ones are not.
  { 'answers 400' => [:rejected, [:status, 400]], 'answers 413' => [:rejected, [:status, 413]],
    'answers 500' => [:rejected, [:status, 500]], 'redirects' => [:rejected, [:redirect, 'http://127.0.0.1:1/']],
    'answers without end' => [:too_large, [:huge, 5 * 1024 * 1024]],
    'answers with a bomb' => [:too_large, [:huge_gzip, 50 * 1024 * 1024]] }.each do |what, (reason, fault)|
    2.times do |spools|
      it "that #{what} once: those spans are #{reason}, with #{spools} spools, and the others arrive" do
        deliver(fault, :ok, spool: (spool if spools.positive?)) do |process, receiver|
          told = process.publish
          lost = receiver.requests.first.span_ids.size

          expect_truth(told, receiver)
          expect(told).to include(accepted: 12, exported: 12 - lost, spooled: 0, dropped: { reason => lost })
          expect(receiver.requests.sum { |request| request.span_ids.size }).to eq(12)
        end
      end
    end
  end

  # What tells nothing about the spans, but that it takes somebody to mend it.
  { 'answers with garbage' => [:garbage, 1000], 'answers with a length that is none' => :bad_length }
    .each do |what, fault|
    it "that #{what}, gets everything from disk once that is over" do
      deliver(fault, spool: spool, otlp_timeout: 0.3) do |process, receiver|
        expect(process.publish).to include(accepted: 12, exported: 0, spooled: 12, dropped: {})
        expect_emptied_spool(process, receiver)
      end
    end
  end

  { 'is slow' => [:delay, 0.2], 'drips' => [:drip, 0.001], 'closes after each answer' => :close_after_answer,
    'says that it will close' => :connection_close, 'answers 200 with no protobuf' => :bad_protobuf }
    .each do |what, fault|
    it "that #{what}, gets everything once" do
      deliver(fault) do |process, receiver|
        told = process.publish

        expect_truth(told, receiver)
        expect(told).to include(accepted: 12, exported: 12, dropped: {})
        expect(receiver.received_span_ids.size).to eq(12)
      end
    end
  end

  it 'that says when to come back, is left alone until then by the next requests, too, also without a spool' do
    deliver([:status, 503, { headers: { 'Retry-After' => '2' } }], :ok, otlp_timeout: 0.4) do |process, receiver|
      told = process.publish
      expect_truth(told, receiver)
      expect(told).to include(exported: 0, dropped: { unreachable: 12 })
      expect(receiver.requests.size).to eq(1)

      sleep 2
      expect(process.publish).to include(exported: 12, dropped: { unreachable: 12 })
    end
  end

  it 'that takes a part only, is not sent the rest again' do
    deliver([:partial_success, 1, 'one is too old'], :ok, spool: spool) do |process, receiver|
      told = process.publish

      expect_truth(told, receiver)
      expect(told).to include(accepted: 12, exported: 11, spooled: 0, dropped: { rejected: 1 })
      expect(receiver.received_span_ids.size).to eq(12)
      expect(File.read(log)).to include('1 span was lost (rejected): the collector says: one is too old')
    end
  end

  it 'that is not there, gets everything from disk once it is' do
    port = FaultReceiver.closed_port
    deliver(:ok, spool: spool, otlp_timeout: 0.3, otlp_endpoint: "http://127.0.0.1:#{port}") do |process, _|
      expect(process.publish).to include(accepted: 12, exported: 0, spooled: 12, dropped: {})

      receiver = FaultReceiver.new(:ok, port: port)
      expect_emptied_spool(process, receiver)
      expect(receiver.accepted_span_ids.size).to eq(12)
    ensure
      receiver&.stop
    end
  end

  it 'sees it when a publication is held up' do
    deliver(:ok, user_time: 0.03) do |process, _|
      expect(process.publish).to include(longest: be_between(0.03, 0.1))
    end
  end
end
