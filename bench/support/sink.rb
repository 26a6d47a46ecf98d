# frozen_string_literal: true

require 'json'
require 'rbconfig'

# A receiver in a process of its own (sink_server.rb). It keeps what comes as it is, and decodes only when it is asked:
# it must not be what is measured.
class Sink
  PROGRAM = File.expand_path('sink_server.rb', __dir__)

  def self.open
    IO.popen([RbConfig.ruby, PROGRAM], 'r+') do |server|
      yield new(server.gets&.chomp || raise("#{PROGRAM} does not start"))
    ensure
      server.close_write # it ends
    end
  end

  # What came to an address that url_for gave: { spans:, ids:, requests:, wire_bytes:, bytes:, names:,
  # facts: }. Forgets it.
  def self.take(url)
    require 'net/http' # late, because most that use this file don't get here
    uri = URI(url)
    answer = Net::HTTP.start(uri.host, uri.port, nil, read_timeout: 300) { |http| http.delete(uri.path) }
    JSON.parse(answer.body).transform_keys(&:to_sym)
  end

  def initialize(url)
    @url = url
  end

  # For each sender another one: the base of its endpoint.
  def url_for(sender)
    "#{@url}/#{sender}"
  end
end
