# frozen_string_literal: true

require 'json'
require 'net/http'
require 'socket'
require 'tmpdir'

# A real Prometheus, which scrapes one address each half second.
class PrometheusServer
  # @return [Integer] the port of its API
  attr_reader :port

  # @param target [String] host:port
  # @param path [String] of the metrics
  # @param rules [String, nil] rules as YAML
  def initialize(target, path: '/metrics', rules: nil)
    @directory = Dir.mktmpdir
    @port = TCPServer.open('127.0.0.1', 0) { |server| server.addr[1] }
    scrape = { job_name: 'app', metrics_path: path, static_configs: [{ targets: [target] }] }
    settings = { global: { scrape_interval: '500ms', evaluation_interval: '500ms' }, scrape_configs: [scrape],
                 rule_files: rules ? ['rules.yml'] : [] }
    File.write(File.join(@directory, 'prometheus.yml'), JSON.generate(settings))
    File.write(File.join(@directory, 'rules.yml'), rules) if rules
  end

  def start
    @pid = spawn('prometheus', '--config.file=prometheus.yml', '--storage.tsdb.path=data',
                 "--web.listen-address=127.0.0.1:#{port}", '--log.level=error',
                 chdir: @directory, %i[out err] => File.join(@directory, 'log'))
    sleep 0.1 until ready?
    self
  end

  def stop
    Process.kill(:KILL, @pid)
    Process.wait(@pid)
    FileUtils.remove_entry(@directory)
  end

  # @return [Array<Hash>] series, each with its labels (metric) and value or values
  def query(expression)
    uri = URI("http://127.0.0.1:#{port}/api/v1/query")
    uri.query = URI.encode_www_form(query: expression)
    answer = JSON.parse(Net::HTTP.get(uri))
    raise "#{expression}: #{answer['error']}" unless answer['status'] == 'success'

    answer.dig('data', 'result')
  end

  # @return [Float, nil] of the only series
  def value(expression)
    found = query(expression)
    raise "#{expression} has #{found.size} series" if found.size > 1

    found.first && Float(found.first.dig('value', 1))
  end

  private

  def ready?
    raise "Prometheus has ended: #{File.read(File.join(@directory, 'log'))}" if Process.wait(@pid, Process::WNOHANG)

    Net::HTTP.get_response('127.0.0.1', '/-/ready', port).is_a?(Net::HTTPSuccess)
  rescue SystemCallError
    false
  end
end
