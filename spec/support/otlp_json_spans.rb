# frozen_string_literal: true

require 'json'
require_relative '../../lib/tasker/native/span_data'

# Makes spans as OTLP JSON has them, for examples that need finished spans and no exporter.
module OtlpJsonSpans
  START_NS = 1_760_000_000_000_000_000
  TRACE_ID = '0af7651916cd43dd8448eb211c80319c'

  module_function

  # @param name [String]
  # @param id [Integer] of the span
  # @param parent [Integer, nil]
  # @param from [Numeric] milliseconds after START_NS
  # @param to [Numeric] milliseconds after START_NS
  # @param events [Hash{String => Numeric}, Array<Hash>] name => milliseconds after START_NS, or {otlp_event}s
  # @param fields [Hash] of OTLP JSON, which win
  # @return [Hash] a span of OTLP JSON
  def otlp_span(name, id: 1, parent: nil, from: 0, to: 100,
                attributes: {}, status: 1, message: nil, events: {}, **fields)
    { 'traceId' => TRACE_ID, 'spanId' => hex(id), 'parentSpanId' => parent ? hex(parent) : '', 'name' => name,
      'kind' => 1, 'startTimeUnixNano' => nanoseconds(from), 'endTimeUnixNano' => nanoseconds(to),
      'attributes' => key_values(attributes), 'status' => { 'code' => status, 'message' => message }.compact,
      'events' => events.is_a?(Hash) ? events.map { |event, at| otlp_event(event, at: at) } : events }
      .merge(fields.transform_keys(&:to_s))
  end

  # @param at [Numeric] milliseconds after START_NS
  # @return [Hash] an event of OTLP JSON
  def otlp_event(name, at: 0, **attributes)
    { 'name' => name, 'timeUnixNano' => nanoseconds(at), 'attributes' => key_values(attributes.transform_keys(&:to_s)) }
  end

  # @return [Tasker::Native::SpanData]
  def span_data(name, **fields)
    Tasker::Native::SpanData.from_otlp_json(otlp_span(name, **fields))
  end

  # @return [String] a line of a trace file
  def otlp_line(*spans, service: 'orders')
    resource = { 'attributes' => key_values('service.name' => service) }
    scope = { 'name' => 'tasker-native', 'version' => '0.1.0' }
    JSON.generate('resourceSpans' => [{ 'resource' => resource,
                                        'scopeSpans' => [{ 'scope' => scope, 'spans' => spans }] }])
  end

  def hex(number)
    format('%016x', number)
  end

  def nanoseconds(milliseconds)
    (START_NS + (milliseconds * 1_000_000).round).to_s
  end

  def key_values(attributes)
    attributes.map { |key, value| { 'key' => key, 'value' => any_value(value) } }
  end

  def any_value(value)
    case value
    when Hash then value # an AnyValue already
    when Integer then { 'intValue' => value.to_s }
    when Float then { 'doubleValue' => value }
    when true, false then { 'boolValue' => value }
    else { 'stringValue' => value.to_s }
    end
  end
end
