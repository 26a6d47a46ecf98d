# frozen_string_literal: true

require 'fileutils'
require 'json'
require 'net/http'
require 'rbconfig'
require 'tmpdir'
require_relative '../../lib/tasker/native/trace_file'

# An OTLP/HTTP receiver in a process of its own (examples/otlp_receiver/receiver.rb), which decodes with the official
# protobuf classes. Whatever has been answered can be seen here at once, once.
#
#   receiver = OtlpReceiver.start
#   ... export to receiver.endpoint ...
#   receiver.wait_for(count: 2)
#   receiver.root.name
#   receiver.stop
#
# To start one takes about half a second: where many examples need one, start it once and `clear` it before each.
class OtlpReceiver
  PROGRAM = File.expand_path('../../examples/otlp_receiver/receiver.rb', __dir__)
  METRICS_PATH = '/v1/metrics'
  START_SECONDS = 60
  STOP_SECONDS = 2
  POLL_SECONDS = 0.005

  # Nothing came in time, or something else than what was waited for.
  class Unexpected < StandardError; end

  # A request as it was received. headers have lower-case names; spans are the names of those that were in it (nil if it
  # could not be decoded), also when they were refused; unknown_bytes should be 0; error: why it was refused.
  # metrics: the same of a request of metrics.
  Request = Struct.new(:time, :http_method, :path, :headers, :wire_bytes, :bytes, :unknown_bytes, :spans, :metrics,
                       :status, :error, keyword_init: true) do
    def content_type = headers['content-type']
    def content_encoding = headers['content-encoding']
    def user_agent = headers['user-agent']
  end

  # The lines of a file that grows, each parsed once. The file is opened anew for every look, so that a forked process
  # shares no position with its parent.
  class Lines
    def initialize(path, &parse)
      @path = path
      @parse = parse
      @position = 0
      @parsed = []
    end

    # @return [Array] what the lines since the last `forget` are
    def all
      read
      @parsed.dup
    end

    def forget
      read
      @parsed = []
    end

    private

    def read
      return unless File.exist?(@path)

      whole = File.binread(@path, nil, @position).to_s[/.*\n/m] or return
      @position += whole.bytesize
      @parsed.concat(whole.each_line.flat_map { |line| @parse.call(line) })
    end
  end

  # @param port [Integer] 0: any that is free
  # @param path [String] where exports are taken
  # @param answer what requests are answered, see {#answer_with}
  # @return [OtlpReceiver] that listens
  def self.start(port: 0, path: '/v1/traces', **answer)
    new(port, path, [answer])
  end

  attr_reader :endpoint, :pid

  def initialize(port, path, answers)
    @owner = Process.pid
    @directory = Dir.mktmpdir('otlp_receiver')
    @spans = Lines.new(file('spans.jsonl')) { |line| Tasker::Native::TraceFile.parse(line) }
    @metrics = Lines.new(file('metrics.jsonl')) { |line| JSON.parse(line) }
    @requests = Lines.new(file('requests.jsonl')) { |line| Request.new(**JSON.parse(line)) }
    @pid = spawn_program(port, path, answers)
    at_exit { stop }
    @endpoint = wait_until(START_SECONDS) { log[%r{^listening on (http://\S+)\n}, 1] || fail_if_ended }
  end

  # Changes what the next requests are answered: each takes one of the answers, the last answer stays.
  #
  #   receiver.answer_with({ status: 503, retry_after: 1 }, { status: 200 })
  #
  # @param answers [Array<Hash>] status: 200, delay: 0 (seconds), retry_after: nil,
  #   partial_success: { rejected_spans:, error_message: } (with that many spans rejected, the last of a request)
  # @param path [String] of metrics: {METRICS_PATH}
  def answer_with(*answers, path: '')
    uri = URI("#{endpoint}#{path}/answers")
    response = Net::HTTP.start(uri.host, uri.port, nil) { |http| http.put(uri.path, JSON.generate(answers)) }
    raise ArgumentError, response.body unless response.is_a?(Net::HTTPSuccess)
  end

  # @return [Array<Request>] all that came but those of metrics, in the order of their answers
  def requests
    @requests.all.reject { |request| request.path == METRICS_PATH }
  end

  # @return [Array<Request>] those of metrics
  def metrics_requests
    @requests.all.select { |request| request.path == METRICS_PATH }
  end

  # @return [Array<Hash>] the requests of metrics that were accepted, as OTLP JSON
  def metrics
    @metrics.all
  end

  # @param name [String, nil]
  # @return [Array<Tasker::Native::SpanData>] those that were accepted, in their order
  def spans(name = nil)
    name ? @spans.all.select { |span| span.name == name } : @spans.all
  end

  # @return [Hash{String => Array<Tasker::Native::SpanData>}] by trace id
  def traces
    spans.group_by(&:trace_id)
  end

  # @return [Hash{Integer => Array<String>}] the ids of the steps that each process has delivered, by its id
  def steps_by_process
    spans.group_by { |span| span.resource['process.pid'] }
         .transform_values { |spans| spans.map { |span| span.attributes['tasker.step_id'] } }
  end

  # @return [Array<Tasker::Native::SpanData>] those without a parent
  def roots
    spans.select(&:root?)
  end

  # @return [Tasker::Native::SpanData] the only root
  # @raise [Unexpected] when there is another number of them
  def root
    roots.tap { |roots| raise Unexpected, "#{roots.size} roots, not one, in:\n#{summary}" unless roots.one? }.first
  end

  # @return [Array<Hash>] the different ones
  def resources
    spans.map(&:resource).uniq
  end

  # @param count [Integer] of spans (at least that many)
  # @param name [String, nil] of spans with this name
  # @return [Array<Tasker::Native::SpanData>]
  # @raise [Unexpected] after the timeout
  def wait_for(count:, name: nil, timeout: 5)
    wait_until(timeout, -> { "waited #{timeout} s for #{count} spans #{name}; there are:\n#{summary}" }) do
      spans(name).then { |found| found if found.size >= count }
    end
  end

  # @return [Array<Request>] at least that many
  # @raise [Unexpected] after the timeout
  def wait_for_requests(count:, timeout: 5)
    wait_until(timeout, -> { "waited #{timeout} s for #{count} requests; there are #{requests.size}" }) do
      requests.then { |found| found if found.size >= count }
    end
  end

  # Forgets what came; what is answered stays.
  def clear
    [@spans, @requests, @metrics].each(&:forget)
    self
  end

  # @return [String] what the program said
  def log
    File.read(file('log'))
  end

  # Ends the process and removes what it kept; a forked copy of this object does neither.
  def stop
    return if @stopped || Process.pid != @owner

    @stopped = true
    end_program if @pid
    FileUtils.remove_entry(@directory)
  end

  private

  def file(name)
    File.join(@directory, name)
  end

  def spawn_program(port, path, answers)
    spawn(RbConfig.ruby, PROGRAM, '--port', port.to_s, '--path', path, '--answers', JSON.generate(answers),
          '--output', file('spans.jsonl'), '--metrics', file('metrics.jsonl'),
          '--requests', file('requests.jsonl'), '--parent', @owner.to_s,
          in: File::NULL, %i[out err] => file('log'))
  end

  def fail_if_ended
    return unless Process.wait(@pid, Process::WNOHANG)

    @pid = nil
    raise Unexpected, "the receiver does not start:\n#{log}"
  end

  def end_program
    Process.kill('TERM', @pid)
    wait_until(STOP_SECONDS) { Process.wait(@pid, Process::WNOHANG) }
  rescue Unexpected
    Process.kill('KILL', @pid)
    Process.wait(@pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil # somebody else ended it
  end

  def wait_until(seconds, message = -> { "waited #{seconds} s for the receiver:\n#{log}" })
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + seconds
    loop do
      result = yield
      return result if result
      raise Unexpected, message.call if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline

      sleep POLL_SECONDS
    end
  end

  def summary
    spans.map { |span| "  #{span.name} #{span.id} in #{span.trace_id}, parent #{span.parent_id || 'none'}" }.join("\n")
  end
end
