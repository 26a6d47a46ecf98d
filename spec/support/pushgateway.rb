# frozen_string_literal: true

require 'json'
require 'net/http'
require 'socket'
require 'tmpdir'

# A real Prometheus Pushgateway.
class Pushgateway
  # @param password [String, nil] of a user called me; nil: everybody may push
  # @param port [Integer] of its own
  def initialize(password: nil, port: Pushgateway.free_port)
    @directory = Dir.mktmpdir
    @port = port
    @password = password
  end

  # @return [Integer] which nobody listens to
  def self.free_port
    TCPServer.open('127.0.0.1', 0) { |server| server.addr[1] }
  end

  def url
    "http://127.0.0.1:#{@port}"
  end

  # @return [self]
  def start
    @pid = spawn('prometheus-pushgateway', "--web.listen-address=127.0.0.1:#{@port}", *authentication,
                 %i[out err] => File.join(@directory, 'log'))
    sleep 0.05 until ready?
    self
  end

  def stop
    Process.kill(:KILL, @pid)
    Process.wait(@pid)
    FileUtils.remove_entry(@directory)
  end

  # @return [String] what Prometheus would scrape
  def metrics
    get('/metrics').body
  end

  # @return [Array<Hash>] the labels of each group
  def groups
    JSON.parse(get('/api/v1/metrics').body)['data'].map { |group| group['labels'] }
  end

  private

  # The password's hash is of bcrypt, as the gateway wants it.
  def authentication
    return [] unless @password

    salt = "$2a$04$#{'a' * 22}"
    config = File.join(@directory, 'web.json')
    File.write(config, JSON.generate(basic_auth_users: { me: @password.crypt(salt) }))
    ["--web.config.file=#{config}"]
  end

  def ready?
    raise "Pushgateway has ended: #{File.read(File.join(@directory, 'log'))}" if Process.wait(@pid, Process::WNOHANG)

    get('/-/ready').is_a?(Net::HTTPSuccess)
  rescue SystemCallError
    false
  end

  def get(path)
    request = Net::HTTP::Get.new(path)
    request.basic_auth('me', @password) if @password
    Net::HTTP.start('127.0.0.1', @port) { |http| http.request(request) }
  end
end
