# frozen_string_literal: true

# An app that may be killed at any moment: ruby producer.rb NAME PORT SPOOL LEDGER. It publishes steps in rounds; the
# ledger has a line of JSON for each round: its ids, whether all of them were acknowledged (exported, or spooled, and
# none lost), and what was lost so far.
require 'json'
require 'logger'
require 'tasker-native'

name, port, spool, ledger = ARGV
file = File.new(ledger, File::WRONLY | File::APPEND | File::CREAT)
Tasker::Native.logger = Logger.new("#{ledger}.log")
Tasker.configuration do |config|
  config.telemetry.configure_telemetry(exporter: :otlp, otlp_endpoint: "http://127.0.0.1:#{port}", otlp_timeout: 0.5,
                                       spool_directory: spool, schedule_delay: 0.02, max_export_batch_size: 10)
end
publisher = Tasker::Events::Publisher.instance
lost = -> { Tasker::Native.stats[:dropped].select { |_, spans| spans.positive? } }
ending = false
trap(:TERM) { ending = true }

(0..).each do |round|
  break if ending

  before = lost.call
  ids = Array.new(rand(1..40)) { |id| "#{name}.#{round}.#{id}" }
  ids.each do |id|
    publisher.publish('step.completed', task_id: name, step_id: id, text: 'x' * rand(500))
    sleep 0.001 if rand < 0.2
  end
  settled = Tasker::Native.flush(timeout: 10)
  file.syswrite("#{JSON.generate(ids: ids, acknowledged: settled && lost.call == before, lost: lost.call)}\n")
end
