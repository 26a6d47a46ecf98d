# frozen_string_literal: true

require 'opentelemetry/proto/collector/trace/v1/trace_service_pb'
require 'set'
require 'zlib'

# What one sender has sent.
class SinkMail
  Message = Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceRequest
  STATUSES = { STATUS_CODE_OK: 'ok', STATUS_CODE_ERROR: 'error' }.freeze
  PREFIX = 'tasker.'

  def initialize
    @exports = []
  end

  def add(body, encoding)
    @exports << [body, encoding]
  end

  def summary
    spans = 0
    bytes = 0
    ids = Set.new
    names = Hash.new(0)
    @exports.each do |body, encoding|
      body = Zlib.gunzip(body) if encoding == 'gzip'
      bytes += body.bytesize
      each_span(body) do |span|
        spans += 1
        ids << (span.trace_id + span.span_id)
        names[span.name] += 1
        @last = span
      end
    end
    { spans: spans, ids: ids.size, requests: @exports.size, wire_bytes: @exports.sum { |body, _| body.bytesize },
      bytes: bytes, names: names, facts: @last ? facts(@last) : {} }
  end

  private

  def each_span(body, &block)
    Message.decode(body).resource_spans.each do |group|
      group.scope_spans.each { |scoped| scoped.spans.each(&block) }
    end
  end

  def facts(span)
    raise "unknown kind of value in #{span}" if span.attributes.any? { |pair| pair.value.value.nil? }

    attributes = span.attributes.to_h { |pair| [pair.key.delete_prefix(PREFIX), text(pair.value)] }
    { 'span' => span.name, 'event' => span.events.map(&:name).join(', '), 'status' => STATUSES[span.status&.code],
      **attributes }.compact
  end

  def text(value)
    value.public_send(value.value).to_s
  end
end
