# frozen_string_literal: true

require 'json'
require 'opentelemetry/proto/collector/trace/v1/trace_service_pb'
require 'stringio'
require 'zlib'

# The body of one export, decoded by the official classes and checked as a strict collector would.
class ExportRequest
  Message = Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceRequest
  Response = Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceResponse

  class Invalid < StandardError; end

  MAX_BYTES = 64 * 1024 * 1024
  ENCODINGS = ['', 'identity', 'gzip'].freeze
  IDS = %w[traceId spanId parentSpanId].freeze

  attr_reader :bytes

  def initialize(body, content_encoding)
    content_encoding = content_encoding.to_s.downcase
    raise Invalid, "Content-Encoding #{content_encoding}" unless ENCODINGS.include?(content_encoding)

    body = gunzip(body) if content_encoding == 'gzip'
    raise Invalid, "more than #{MAX_BYTES} bytes" if body.bytesize > MAX_BYTES

    @bytes = body.bytesize
    @message = self.class::Message.decode(body)
    check_message
  rescue Google::Protobuf::ParseError, Zlib::Error => e
    raise Invalid, e.message
  end

  def spans
    @message.resource_spans.flat_map { |group| group.scope_spans.flat_map { |scoped| scoped.spans.to_a } }
  end

  # @return [Hash] what a line in the list of requests tells of it
  def entry
    { spans: spans.map(&:name) }
  end

  # Bytes of fields which the official classes do not know: the number of a field was wrong, or it is a new one.
  def unknown_bytes
    known = self.class::Message.decode(@message.to_proto)
    Google::Protobuf.discard_unknown(known)
    @message.to_proto.bytesize - known.to_proto.bytesize
  end

  # Takes the last spans out, as if they had been rejected.
  def reject_last(answer)
    count = answer.partial_success.to_h.fetch(:rejected_spans, 0)
    @message.resource_spans.reverse_each do |group|
      group.scope_spans.reverse_each do |scoped|
        rejected = [count, scoped.spans.size].min
        scoped.spans.replace(scoped.spans.first(scoped.spans.size - rejected))
        count -= rejected
      end
    end
  end

  # Protobuf's own JSON, with OTLP's two exceptions: enums are integers, ids are hex.
  def to_otlp_json
    request = JSON.parse(@message.to_json(format_enums_as_integers: true), max_nesting: false)
    hex_all_ids(request)
    JSON.generate(request, max_nesting: 0)
  end

  private

  def gunzip(body)
    reader = Zlib::GzipReader.new(StringIO.new(body))
    inflated = reader.read(MAX_BYTES + 1) || ''
    raise Invalid, 'something follows the gzip data' if reader.eof? && reader.unused

    inflated
  end

  def check_message
    spans.each { |span| check(span) }
  end

  def check(span)
    check_id('trace id', span.trace_id, 16)
    check_id('span id', span.span_id, 8)
    check_id('parent span id', span.parent_span_id, 8) unless span.parent_span_id.empty?
    span.links.each do |link|
      check_id('trace id of a link', link.trace_id, 16)
      check_id('span id of a link', link.span_id, 8)
    end
    [span, *span.events, *span.links].each { |recorded| check_keys(recorded.attributes) }
  end

  def check_id(what, id, size)
    return if id.bytesize == size && id != "\0" * size

    raise Invalid, "#{what} #{id.unpack1('H*').inspect} is not #{size} bytes, or zero"
  end

  def check_keys(attributes)
    keys = attributes.map(&:key)
    raise Invalid, "attribute key twice: #{keys.tally.key(keys.tally.values.max).inspect}" if keys.uniq!
  end

  def hex_all_ids(request)
    request.fetch('resourceSpans', []).each do |group|
      group.fetch('scopeSpans', []).each { |scoped| scoped.fetch('spans', []).each { |span| hex_ids(span) } }
    end
  end

  def hex_ids(span)
    [span, *span['links']].each { |identified| hex_ids_of(identified) }
  end

  def hex_ids_of(identified)
    IDS.each { |id| identified[id] = identified[id].unpack1('m').unpack1('H*') if identified[id] }
  end
end
