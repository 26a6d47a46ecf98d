# frozen_string_literal: true

require 'json'
require 'webrick'

# An HTTP server on this machine, which gives the answers that it was told to give, and remembers what it was asked.
class ApiServer
  Request = Struct.new(:verb, :path, :query, :headers, :body, keyword_init: true)

  # Everything that HTTP knows, at every path.
  class Servlet < WEBrick::HTTPServlet::AbstractServlet
    def service(request, response)
      @options.first.call(request, response)
    end
  end

  attr_reader :requests

  def initialize
    @answers = []
    @requests = []
    started = Queue.new
    @server = WEBrick::HTTPServer.new(Port: 0, BindAddress: '127.0.0.1', AccessLog: [],
                                      Logger: WEBrick::Log.new(File::NULL), StartCallback: -> { started << true })
    @server.mount('/', Servlet, method(:answer))
    @thread = Thread.new { @server.start }
    started.pop # what is shut down before would never end
  end

  def url
    "http://127.0.0.1:#{@server.config[:Port]}"
  end

  # What the next requests get, in this order; the last one is repeated.
  #
  # @return [self]
  def will(status, body = nil, **headers)
    @answers << [status, body, headers]
    self
  end

  def stop
    @server.shutdown
    @thread.join
  end

  private

  def answer(request, response)
    @requests << Request.new(verb: request.request_method, path: request.path.dup.force_encoding(Encoding::UTF_8),
                             query: request.query_string, headers: request.header, body: request.body)
    status, body, headers = @answers.size > 1 ? @answers.shift : @answers.first
    response.status = status
    response['Content-Type'] = 'application/json; charset=utf-8'
    headers.each { |name, value| response[name.to_s.tr('_', '-')] = value }
    response.body = body.is_a?(String) ? body : JSON.generate(body)
  end
end
