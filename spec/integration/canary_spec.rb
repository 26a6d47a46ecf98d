# frozen_string_literal: true

require 'faraday'

require_relative '../support/api_server'
require_relative '../support/canaries'
require_relative '../support/collectors'
require_relative '../support/otlp_receiver'
require_relative '../support/talkative_handler'

# Secrets are planted wherever an application may have them, by real handlers; then everything that has left is searched
# for them.
RSpec.describe 'Canaries' do
  include Collectors

  before(:all) { @receiver = OtlpReceiver.start } # rubocop:disable RSpec/BeforeAfterAll -- one process for all

  before do
    receiver.clear
    receiver.answer_with({})
    configure(exporter: %i[otlp file], otlp_endpoint: receiver.endpoint, trace_file: trace_file, log_level: 'debug',
              filter_parameters: [*Tasker::Native::Settings.new.filter_parameters, 'card.cvc', /\Aiban\z/i],
              structured_logging_enabled: true, max_queue_size: 10_000, schedule_delay: 0.05)
  end

  after do
    FileUtils.rm_rf(directory)
    Tasker::Native::LogLine.correlation_id = nil
  end

  after(:all) { @receiver.stop } # rubocop:disable RSpec/BeforeAfterAll, RSpec/InstanceVariable

  let(:receiver) { @receiver } # rubocop:disable RSpec/InstanceVariable
  let(:directory) { Dir.mktmpdir }
  let(:trace_file) { File.join(directory, 'traces.jsonl') }
  let(:kept) { [] }

  def plant(text, data = {})
    step = build_step(workflow_step_id: text, name: text, status: text, inputs: { a: text, **data },
                      results: { b: [text], **data })
    task = build_task(task_id: "task #{text}", name: text, status: text, context: { 'note' => text, **data })
    talkative = TalkativeHandler.new(text, data)
    begin
      talkative.handle(task, [step], step)
    rescue Tasker::RetryableError
      kept.push(*talkative.seen, step.results.except(:b, *data.keys))
    end
    publish('task.completed', { task_id: task.task_id, note: text, **data })
  end

  def plant_all
    publisher.register_event('canary.sang')
    publisher.subscribe('canary.sang') { |event| raise event.payload[:text] }
    Canaries.of_values.each { |secret| plant(secret.text) }
    data = Canaries.of_keys.transform_values(&:text)
    plant('by keys', headers: data, list: [[data]], **data.transform_keys(&:to_sym))
    ask_api
    Tasker::Native.flush(timeout: 20)
  end

  # Whose URL and headers have secrets, which the API says again.
  def ask_api
    server = ApiServer.new.will(500, { message: Canaries.of_values.map(&:text).join(' ') })
    url = server.url.sub('://', "://shop:#{Canaries.of_keys[:password].text}@")
    api = Tasker::StepHandler::Api.new(config: { url: url, headers: { Authorization: Canaries.of_keys[:otp].text } })
    step = build_step(results: {})
    api.handle(build_task, [step], step)
  rescue Tasker::ProceduralError, Faraday::Error
    kept.push(api.inspect, api.config.inspect, step.results)
  ensure
    server.stop
  end

  def refuse_with_all
    Canaries.of_values.each do |secret|
      receiver.answer_with({ partial_success: { rejected_spans: 1, error_message: "no: #{secret.text}" } })
      publish('step.completed', task_id: 1, step_id: 2)
      Tasker::Native.flush
    end
  end

  def inspected
    native = Tasker::Native
    [Tasker.configuration, telemetry, telemetry.to_h, publisher, native.filter, native.stats,
     native.logger.class, *receiver.spans].map(&:inspect)
  end

  # Whatever is escaped in JSON or by inspect is there as it was, too.
  def leaks(*where)
    everything = where.join("\n").b
    everything += everything.gsub('\\/', '/').gsub('\\"', '"').gsub('\\\\', '\\')
    Canaries.all.select { |secret| secret.in?(everything) }.map(&:name)
  end

  it 'are forty, and would be found' do
    configure(filter_parameters: [], filter_values: false)
    plant_all

    expect(Canaries.all.size).to eq(40)
    expect(leaks(receiver.spans.map(&:to_h))).to match_array(Canaries.all.map(&:name))
  end

  it 'reach neither collector nor trace file nor log, nor what is kept of errors' do
    plant_all

    expect(receiver.requests).to all(have_attributes(status: 200, unknown_bytes: 0))
    expect([receiver.spans.size, log.lines.size]).to all(be > Canaries.all.size)
    expect([receiver.spans.map(&:to_h), File.binread(trace_file), log, kept].map { |all| leaks(*all) }).to all(be_empty)
  end

  describe 'in a spool' do
    let(:spool) { File.join(directory, 'spool') }
    let(:spooled) { Dir[File.join(spool, '*')].map { |file| File.binread(file) } }

    before do
      configure(exporter: :otlp, otlp_endpoint: dead_endpoint, otlp_timeout: 0.1, otlp_compression: 'none',
                spool_directory: spool)
    end

    it 'would be found' do
      configure(filter_parameters: [], filter_values: false)
      plant_all

      expect(leaks(*spooled)).to match_array(Canaries.all.map(&:name))
    end

    it 'are not there' do
      plant_all

      expect(stats).to include(spooled: be > Canaries.all.size)
      expect(leaks(*spooled)).to be_empty
    end
  end

  it 'are not shown by public objects' do
    plant_all

    expect(leaks(*inspected)).to be_empty
  end

  it 'are not found in what a collector answers' do
    refuse_with_all

    expect(log_lines(/the collector says/)).not_to be_empty
    expect(leaks(log)).to be_empty
  end

  it 'are counted' do
    before = stats[:filter][:masked_secrets]
    plant('4111 1111 1111 1111')

    expect(stats[:filter][:masked_secrets]).to be > before
  end

  it 'leave two hundred texts as they are that look like them' do
    expect(Canaries.look_alikes.uniq.size).to be >= 200
    Canaries.look_alikes.each_slice(40) do |texts|
      publish('step.completed', task_id: 1, step_id: texts.first, error_message: texts.join(', '),
                                **texts.each_with_index.to_h { |text, i| [:"text_#{i}", text] })
    end
    TalkativeHandler.new('', {}).log_structured(:info, 'all', list: Canaries.look_alikes)
    Tasker::Native.flush

    attributes = receiver.spans.flat_map { |span| span.attributes.values.grep(String) }
    messages = attributes.grep(/, /).join("\n")
    expect(Canaries.look_alikes - attributes).to be_empty
    expect(Canaries.look_alikes.reject { |text| messages.include?(text) }).to be_empty
    expect(log_lines(/"all"/).first).to include(*Canaries.look_alikes)
  end
end
