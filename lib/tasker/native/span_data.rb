# frozen_string_literal: true

require_relative 'otlp_json'

module Tasker
  module Native
    # A finished span as it was exported: what a collector was sent, or what a trace file holds.
    #
    # Ids are lower-case hex Strings, attribute values are what they were when they were recorded (String, Integer,
    # Float, true, false, Array, Hash, nil; binary Strings for bytes), times are nanoseconds since the epoch.
    #
    # @!attribute [r] name
    #   @return [String]
    # @!attribute [r] trace_id
    #   @return [String] 32 hex digits
    # @!attribute [r] span_id
    #   @return [String] 16 hex digits
    # @!attribute [r] parent_id
    #   @return [String, nil] nil for a root
    # @!attribute [r] kind
    #   @return [Symbol] :internal, :server, :client, :producer, :consumer, :unspecified
    # @!attribute [r] start_ns
    #   @return [Integer]
    # @!attribute [r] end_ns
    #   @return [Integer]
    # @!attribute [r] attributes
    #   @return [Hash{String => Object}]
    # @!attribute [r] events
    #   @return [Array<Event>]
    # @!attribute [r] links
    #   @return [Array<Link>]
    # @!attribute [r] status
    #   @return [String] 'OK', 'ERROR' or 'UNSET'
    # @!attribute [r] status_message
    #   @return [String] empty unless something was said
    # @!attribute [r] flags
    #   @return [Integer] bit 0: sampled, 0x100: known whether the parent is remote, 0x200
    # @!attribute [r] trace_state
    #   @return [String]
    # @!attribute [r] dropped_attributes_count
    #   @return [Integer]
    # @!attribute [r] dropped_events_count
    #   @return [Integer]
    # @!attribute [r] dropped_links_count
    #   @return [Integer]
    # @!attribute [r] resource
    #   @return [Hash{String => Object}] attributes of the process that made the span
    # @!attribute [r] scope
    #   @return [Array(String, String)] name and version of the instrumentation
    SpanData = Struct.new(
      :name, :trace_id, :span_id, :parent_id, :kind, :start_ns, :end_ns, :attributes, :events, :links,
      :status, :status_message, :flags, :trace_state,
      :dropped_attributes_count, :dropped_events_count, :dropped_links_count, :resource, :scope,
      keyword_init: true
    )

    class SpanData # rubocop:disable Style/Documentation -- it stands above, where YARD finds the members
      # Something that happened at one moment of a span.
      #
      # @!attribute [r] name
      #   @return [String]
      # @!attribute [r] time_ns
      #   @return [Integer] nanoseconds since the epoch
      # @!attribute [r] attributes
      #   @return [Hash{String => Object}]
      # @!attribute [r] dropped_attributes_count
      #   @return [Integer]
      Event = Struct.new(:name, :time_ns, :attributes, :dropped_attributes_count, keyword_init: true)

      # Another span that this one has to do with, without being its child.
      #
      # @!attribute [r] trace_id
      #   @return [String] 32 hex digits
      # @!attribute [r] span_id
      #   @return [String] 16 hex digits
      # @!attribute [r] trace_state
      #   @return [String]
      # @!attribute [r] attributes
      #   @return [Hash{String => Object}]
      # @!attribute [r] dropped_attributes_count
      #   @return [Integer]
      # @!attribute [r] flags
      #   @return [Integer] as the span's
      Link = Struct.new(:trace_id, :span_id, :trace_state, :attributes, :dropped_attributes_count, :flags,
                        keyword_init: true)

      KINDS = %i[unspecified internal server client producer consumer].freeze
      STATUSES = %w[UNSET OK ERROR].freeze
      private_constant :KINDS, :STATUSES

      class << self
        # @param span [Hash] a span as OTLP JSON has it, parsed
        # @param resource [Hash{String => Object}] attributes of its resource
        # @param scope [Array(String, String)] name and version of its instrumentation scope
        # @return [SpanData] frozen
        # @raise [OtlpJson::Malformed] for anything that is not such a span
        def from_otlp_json(span, resource: {}, scope: ['', ''])
          span = OtlpJson.object(span)
          new(**identity(span), **times(span), **contents(span), **outcome(span), **dropped(span),
              resource: resource, scope: scope).freeze
        end

        # @param request [Hash] an ExportTraceServiceRequest as OTLP JSON has it, parsed
        # @return [Array<SpanData>] all its spans, in its order
        # @raise [OtlpJson::Malformed]
        def from_otlp_json_request(request)
          OtlpJson.list(OtlpJson.object(request)['resourceSpans']).flat_map do |group|
            group = OtlpJson.object(group)
            resource = OtlpJson.attributes(OtlpJson.object(group['resource'])['attributes']).freeze
            OtlpJson.list(group['scopeSpans']).flat_map { |scoped| from_scope(OtlpJson.object(scoped), resource) }
          end
        end

        private

        def from_scope(scoped, resource)
          scope = OtlpJson.object(scoped['scope'])
          scope = [OtlpJson.text(scope['name']), OtlpJson.text(scope['version'])].freeze
          OtlpJson.list(scoped['spans']).map { |span| from_otlp_json(span, resource: resource, scope: scope) }
        end

        def identity(span)
          parent_id = OtlpJson.hex(span['parentSpanId'])
          { name: OtlpJson.text(span['name']),
            trace_id: OtlpJson.hex(span['traceId']),
            span_id: OtlpJson.hex(span['spanId']),
            parent_id: (parent_id unless parent_id.empty?),
            kind: OtlpJson.enum(span['kind'], KINDS, 'SPAN_KIND_'),
            flags: OtlpJson.integer(span['flags']),
            trace_state: OtlpJson.text(span['traceState']) }
        end

        def times(span)
          { start_ns: OtlpJson.integer(span['startTimeUnixNano']), end_ns: OtlpJson.integer(span['endTimeUnixNano']) }
        end

        def contents(span)
          { attributes: OtlpJson.attributes(span['attributes']),
            events: OtlpJson.list(span['events']).map { |event| event(OtlpJson.object(event)) },
            links: OtlpJson.list(span['links']).map { |link| link(OtlpJson.object(link)) } }
        end

        def event(event)
          Event.new(name: OtlpJson.text(event['name']),
                    time_ns: OtlpJson.integer(event['timeUnixNano']),
                    attributes: OtlpJson.attributes(event['attributes']),
                    dropped_attributes_count: OtlpJson.integer(event['droppedAttributesCount'])).freeze
        end

        def link(link)
          Link.new(trace_id: OtlpJson.hex(link['traceId']),
                   span_id: OtlpJson.hex(link['spanId']),
                   trace_state: OtlpJson.text(link['traceState']),
                   attributes: OtlpJson.attributes(link['attributes']),
                   dropped_attributes_count: OtlpJson.integer(link['droppedAttributesCount']),
                   flags: OtlpJson.integer(link['flags'])).freeze
        end

        def outcome(span)
          status = OtlpJson.object(span['status'])
          { status: OtlpJson.enum(status['code'], STATUSES, 'STATUS_CODE_'),
            status_message: OtlpJson.text(status['message']) }
        end

        def dropped(span)
          { dropped_attributes_count: OtlpJson.integer(span['droppedAttributesCount']),
            dropped_events_count: OtlpJson.integer(span['droppedEventsCount']),
            dropped_links_count: OtlpJson.integer(span['droppedLinksCount']) }
        end
      end

      # @return [String] the span's own id
      def id
        span_id
      end

      # @return [Boolean] whether it has no parent at all (a parent in another trace file still is one)
      def root?
        parent_id.nil?
      end

      # @return [Boolean] whether its status is ERROR
      def error?
        status == 'ERROR'
      end

      # @return [Float] seconds since the epoch; start_ns is exact
      def start_time
        Rational(start_ns, 1_000_000_000).to_f
      end

      # @return [Float] seconds since the epoch; end_ns is exact
      def end_time
        Rational(end_ns, 1_000_000_000).to_f
      end

      # @return [Float] seconds
      def duration
        (end_ns - start_ns) / 1e9
      end

      # Finds an attribute whatever prefix (the service's name) it has.
      #
      # @param key [String] such as 'task_id', for `tasker.task_id` as well as `orders.task_id`
      # @return [Object, nil] the value of the first attribute that has this name, or ends with a dot and it
      def attribute(key)
        attributes.fetch(key) do
          suffix = ".#{key}"
          attributes.find { |name, _| name.end_with?(suffix) }&.last
        end
      end
    end
  end
end
