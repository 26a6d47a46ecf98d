# frozen_string_literal: true

require 'google/rpc/status_pb'
require 'json'
require 'webrick'
require_relative 'console'
require_relative 'export_request'

# The resource that answers every path: exports, and changes of the answers.
class Servlet < WEBrick::HTTPServlet::AbstractServlet
  CONTENT_TYPE = 'application/x-protobuf'
  ANSWERS_PATH = '/answers'

  def initialize(server, path, answers, store)
    super(server)
    @path = path
    @answers = answers
    @store = store
  end

  def service(request, response)
    return change_answers(request, response) if request.request_method == 'PUT' && request.path == ANSWERS_PATH

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
    @answers.replace(request.body)
    response.status = 204
  rescue ArgumentError, TypeError, JSON::ParserError => e
    response.status = 400
    response.body = e.message
  end

  def receive(request, response, entry)
    body = request.body.to_s
    entry[:wire_bytes] = body.bytesize
    problem = problem_of(request)
    return refuse(response, entry, *problem) if problem

    export = ExportRequest.new(body, request['Content-Encoding'])
    entry.update(bytes: export.bytes, unknown_bytes: export.unknown_bytes, spans: export.spans.map(&:name))
    answer(export, @answers.next, response, entry)
  rescue ExportRequest::Invalid => e
    refuse(response, entry, 400, e.message)
  end

  def problem_of(request)
    return [404, "nothing at #{request.path}"] unless request.path == @path
    return [405, 'only POST'] unless request.request_method == 'POST'

    [415, "only #{CONTENT_TYPE}"] unless request.content_type.to_s.split(';').first == CONTENT_TYPE
  end

  def answer(export, answer, response, entry)
    sleep answer.delay
    response['Retry-After'] = answer.retry_after.to_s if answer.retry_after
    return refuse(response, entry, answer.status, 'as it was told to') unless answer.status == 200

    export.reject_last(answer.rejected_spans)
    reply(response, entry, 200, service_response(answer), export.to_otlp_json)
  end

  def refuse(response, entry, status, message)
    entry[:error] = message
    reply(response, entry, status, Google::Rpc::Status.new(message: message))
  end

  def reply(response, entry, status, message, otlp_json = nil)
    entry[:status] = response.status = status
    response.content_type = CONTENT_TYPE
    response.body = message.to_proto
    @store.add(entry, otlp_json)
  end

  def service_response(answer)
    Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceResponse.new(
      partial_success: answer.partial_success
    )
  end
end
