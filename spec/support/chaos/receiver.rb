# frozen_string_literal: true

# A collector that may be killed at any moment: ruby receiver.rb PORT LEDGER SEED. What it accepts is in the ledger, a
# line of JSON each, before it is acknowledged. It meets requests with faults at random until a file CALM lies beside
# the ledger.
require 'json'
require_relative '../fault_receiver'

# Writes down what is accepted before the sender can know of it.
module Ledger
  class << self
    attr_accessor :file
  end

  private

  def accept(**)
    super
    write_down(key: request.idempotency_key, ids: request.step_ids, unknown: request.unknown_bytes)
  end

  def refuse
    write_down(error: request.error)
    super
  end

  # In one call, or two processes' lines might be mixed.
  def write_down(**line)
    Ledger.file.syswrite("#{JSON.generate(line)}\n")
  end
end

port, ledger, seed = ARGV
Ledger.file = File.new(ledger, File::WRONLY | File::APPEND | File::CREAT)
FaultReceiver::Connection.prepend(Ledger)
random = Random.new(Integer(seed))
faults = [[:status, 503], [:status, 429, { headers: { 'Retry-After' => '1' } }], [:status, 502], [:delay, 0.1],
          [:drip, 0.001], :reset_before_body, :reset_after_body, :close_without_answer, :close_after_answer,
          :connection_close, :short_body, :never]
receiver = FaultReceiver.new(:ok, port: Integer(port))
calm = File.join(File.dirname(ledger), 'CALM')
trap(:TERM) { exit }
loop do
  bad = File.exist?(calm) ? [] : faults.sample(random.rand(3), random: random)
  receiver.faults = [*bad, :ok]
  sleep 0.05
end
