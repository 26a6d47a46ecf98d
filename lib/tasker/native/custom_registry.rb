# frozen_string_literal: true

require 'singleton'

require_relative 'payload_schema'

module Tasker
  module Native
    # The application's own events, with what is said about them. An event need not be here to be published; it is here
    # so that others find it. Thread-safe.
    class CustomRegistry
      include Singleton

      # The first parts of names that are Tasker's.
      RESERVED_NAMESPACES = %w[task step workflow observability test].freeze

      def initialize
        @lock = Mutex.new
        @events = {}
      end

      # Makes the event known to the bus and to the catalog. Registering it again replaces what was said about it.
      #
      # @param name [String] with a namespace: 'order.fulfilled'
      # @param description [String]
      # @param fired_by [Array<String>, String] who publishes it
      # @param payload_schema [Hash{Symbol=>Hash}] see {PayloadSchema}
      # @param example_payload [Hash{Symbol=>Object}]
      # @return [void]
      # @raise [ArgumentError] for a name that is no String, has no dot, is a system event's, or in a reserved namespace
      #   (task, step, workflow, observability, test), and for a type of the schema that there is not
      # @raise [TooManyEventsError] beyond 10,000 names
      # @example
      #   Tasker::Events::CustomRegistry.instance.register_event('order.fulfilled', description: 'All parcels are out')
      def register_event(name, description: 'Custom event', fired_by: [], payload_schema: {}, example_payload: {})
        validate(name)
        PayloadSchema.new(payload_schema)
        Native.publisher.register_event(name)
        event = { name: name.dup.freeze, category: 'custom', description: description, fired_by: Array(fired_by),
                  payload_schema: payload_schema, example_payload: example_payload, registered_at: Time.now }.freeze
        @lock.synchronize { @events = { **@events, event[:name] => event }.freeze }
        nil
      end

      # @return [Hash{String=>Hash}] by name: name, category ('custom'), description, fired_by, payload_schema,
      #   example_payload, registered_at
      def custom_events
        @events.dup
      end

      # @param name [String, Symbol]
      # @return [Boolean]
      def registered?(name)
        @events.key?(name.to_s)
      end

      # @param name [String, Symbol]
      # @return [Hash, nil] see {#custom_events}
      def event_metadata(name)
        @events[name.to_s]
      end
      alias event_info event_metadata

      # @return [Array<String>] names
      def registered_events
        @events.keys
      end

      # Forgets what was said about all events. The bus goes on to know their names.
      #
      # @return [void]
      def clear!
        @lock.synchronize { @events = {}.freeze }
        nil
      end
      alias clear_all_events clear!

      private

      def validate(name)
        raise ArgumentError, "Event name must be a String, not #{name.class}" unless name.is_a?(String)

        namespace, tail = name.split('.', 2)
        if tail.to_s.empty? || namespace.empty?
          raise ArgumentError, "Event name #{name.inspect} needs a namespace, as 'order.fulfilled' has one"
        end
        raise ArgumentError, "Event name #{name.inspect} is a system event's" if Catalog.catalog.key?(name)
        return unless RESERVED_NAMESPACES.include?(namespace.downcase)

        raise ArgumentError, "Namespace #{namespace.inspect} of #{name.inspect} is reserved for system events"
      end
    end
  end
end
