# frozen_string_literal: true

require 'google/rpc/status_pb'
require 'json'
require 'webrick'
require_relative 'console'
require_relative 'export_request'
require_relative 'metrics_request'

# The resource that answers every path: exports, and changes of the answers.
class Servlet < WEBrick::HTTPServlet::AbstractServlet
  CONTENT_TYPE = 'application/x-protobuf'
  ANSWERS_PATH = '/answers'

  # How one signal is received: the class of its requests, what they are answered, and where they are kept.
  Signal = Struct.new(:request, :answers, :store)

  # signals: { path => Signal }; PUT PATH/answers changes the answers of one, PUT /answers those of the first.
  def initialize(server, signals)
    super(server)
    @signals = signals
  end

  def service(request, response)
    return change_answers(request, response) if request.request_method == 'PUT' && request.path.end_with?(ANSWERS_PATH)

    entry = { time: Time.now.to_f, http_method: request.request_method, path: utf8(request.path),
              headers: request.header.to_h { |name, values| [utf8(name), utf8(values.join(', '))] } }
    receive(request, response, entry)
    Console.request(entry)
  end

  private

  def utf8(text)
    String.new(text, encoding: Encoding::UTF_8).scrub
  end

  def change_answers(request, response)
    path = request.path.delete_suffix(ANSWERS_PATH)
    (@signals[path] || @signals.values.first).answers.replace(request.body)
    response.status = 204
  rescue ArgumentError, TypeError, JSON::ParserError => e
    response.status = 400
    response.body = e.message
  end

  def receive(request, response, entry)
    body = request.body.to_s
    entry[:wire_bytes] = body.bytesize
    signal = @signals[request.path] || @signals.values.first
    problem = problem_of(request)
    return refuse(signal, response, entry, *problem) if problem

    export = signal.request.new(body, request['Content-Encoding'])
    entry.update(bytes: export.bytes, unknown_bytes: export.unknown_bytes, **export.entry)
    answer(signal, export, response, entry)
  rescue ExportRequest::Invalid => e
    refuse(signal, response, entry, 400, e.message)
  end

  def problem_of(request)
    return [404, "nothing at #{request.path}"] unless @signals.key?(request.path)
    return [405, 'only POST'] unless request.request_method == 'POST'

    [415, "only #{CONTENT_TYPE}"] unless request.content_type.to_s.split(';').first == CONTENT_TYPE
  end

  def answer(signal, export, response, entry)
    answer = signal.answers.next
    sleep answer.delay
    response['Retry-After'] = answer.retry_after.to_s if answer.retry_after
    return refuse(signal, response, entry, answer.status, 'as it was told to') unless answer.status == 200

    export.reject_last(answer)
    message = export.class::Response.new(partial_success: answer.partial_success)
    reply(signal, response, entry.merge!(status: 200), message, export.to_otlp_json)
  end

  def refuse(signal, response, entry, status, message)
    entry[:error] = message
    reply(signal, response, entry.merge!(status: status), Google::Rpc::Status.new(message: message))
  end

  def reply(signal, response, entry, message, otlp_json = nil)
    response.status = entry[:status]
    response.content_type = CONTENT_TYPE
    response.body = message.to_proto
    signal.store.add(entry, otlp_json)
  end
end
