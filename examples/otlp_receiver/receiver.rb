#!/usr/bin/env ruby
# frozen_string_literal: true

# A small OTLP/HTTP receiver to look at traces and metrics with, and to test senders against: takes POST /v1/traces and
# /v1/metrics as a collector does, decodes them with the official protobuf classes, says what came, and keeps it as OTLP
# JSON Lines.
#
#   bundle exec ruby examples/otlp_receiver/receiver.rb --port 4318 --output traces.jsonl

require 'json'
require 'optparse'

begin
  require_relative 'answers'
  require_relative 'console'
  require_relative 'servlet'
  require_relative 'store'
rescue LoadError => e
  abort "#{e.message}\nThe receiver needs two gems: gem install opentelemetry-exporter-otlp webrick"
end

# The program.
class Receiver
  DEFAULTS = { port: 4318, path: '/v1/traces', answers: '{}' }.freeze
  METRICS_PATH = '/v1/metrics'
  PARENT_CHECK_SECONDS = 0.2
  LAST_ANSWERS_SECONDS = 0.1

  def self.options(arguments)
    options = DEFAULTS.dup
    OptionParser.new do |parser|
      parser.banner = "Receives OTLP traces and metrics over HTTP, on 127.0.0.1.\n\nUsage: receiver.rb [options]"
      parser.on('--port PORT', Integer, 'default 4318; 0: any that is free') { |port| options[:port] = port }
      parser.on('--path PATH', 'default /v1/traces') { |path| options[:path] = path }
      parser.on('--output FILE', 'append the spans that came, as OTLP JSON Lines') { |file| options[:output] = file }
      parser.on('--metrics FILE', 'append the metrics that came, the same way') { |file| options[:metrics] = file }
      parser.on('--requests FILE', 'append a line of JSON for each request') { |file| options[:requests] = file }
      parser.on('--parent PID', Integer, 'end when this parent process has') { |pid| options[:parent] = pid }
      parser.on('--answers JSON', 'what to answer, for tests: an object or a list of them, with status, delay,',
                'retry_after, partial_success; also by PUT /answers') { |json| options[:answers] = json }
    end.parse!(arguments)
    options
  end

  def initialize(options)
    @parent = options[:parent]
    @stores = [Store.new(options[:output], options[:requests]), Store.new(options[:metrics], options[:requests])]
    @server = WEBrick::HTTPServer.new(BindAddress: '127.0.0.1', Port: options[:port], AccessLog: [],
                                      Logger: WEBrick::Log.new($stderr, WEBrick::Log::ERROR),
                                      AcceptCallback: method(:answer_at_once))
    traces = Servlet::Signal.new(ExportRequest, Answers.new(options[:answers]), @stores[0])
    metrics = Servlet::Signal.new(MetricsRequest, Answers.new('{}'), @stores[1])
    @server.mount('/', Servlet, { options[:path] => traces, METRICS_PATH => metrics })
  end

  def run
    stop = Queue.new
    %w[INT TERM].each { |signal| Signal.trap(signal) { stop << signal } }
    watch_parent(stop) if @parent
    serving = Thread.new { @server.start }
    Console.listening(@server.listeners.first.addr[1])
    stop.pop
    @server.shutdown
    serving.join(LAST_ANSWERS_SECONDS)
    @stores.each(&:close)
  end

  private

  # Head and body of an answer are written apart; waiting for the head's acknowledgement would take 40 ms.
  def answer_at_once(socket)
    socket.setsockopt(Socket::IPPROTO_TCP, Socket::TCP_NODELAY, 1)
  end

  def watch_parent(stop)
    Thread.new do
      sleep PARENT_CHECK_SECONDS while Process.ppid == @parent
      stop << :parent
    end
  end
end

if $PROGRAM_NAME == __FILE__
  begin
    Receiver.new(Receiver.options(ARGV)).run
  rescue OptionParser::ParseError, SystemCallError, ArgumentError, JSON::ParserError => e
    abort "receiver: #{e.message}"
  end
end
