# frozen_string_literal: true

require_relative 'custom_registry'
require_relative 'payload_description'

module Tasker
  module Native
    # Which events there are, and what they carry: +Tasker::Events.catalog+ and so on. System events come from the table
    # that the extension was made of, the application's own from the bus and from {CustomRegistry}.
    #
    # An entry is a Hash with name, category ('task', 'step', 'workflow', 'observability', 'telemetry', 'test' or
    # 'custom'), description, payload_schema (see {PayloadSchema}), example_payload, and fired_by (who publishes it).
    module Catalog
      # @return [Hash{String=>Hash}] the 55 system events, by name
      # @example
      #   Tasker::Events.catalog['step.failed'][:description] # => "An attempt of a step failed."
      def catalog
        return Catalog.catalog unless equal?(Catalog) # one for all

        @catalog ||= Native::EVENT_TABLE.to_h { |name, *row| [name, deep_freeze(system_entry(name, *row))] }.freeze
      end

      # @param name [String, Symbol]
      # @return [Hash, nil] the entry of a system event or of one of the application's own
      # @example
      #   Tasker::Events.event_info('step.completed')[:payload_schema][:execution_duration]
      #   # => {:type=>"Float", :required=>true}
      def event_info(name)
        name = name.to_s
        Catalog.catalog[name] || (custom_entry(name) if Native.publisher.registered?(name))
      end

      # @return [Hash{String=>Hash}]
      def task_events
        system_events_of('task')
      end

      # @return [Hash{String=>Hash}]
      def step_events
        system_events_of('step')
      end

      # @return [Hash{String=>Hash}]
      def workflow_events
        system_events_of('workflow')
      end

      # @return [Hash{String=>Hash}]
      def observability_events
        system_events_of('observability')
      end

      # @return [Hash{String=>Hash}] the application's own: those that were registered, and those that were published or
      #   subscribed to without that
      def custom_events
        names = Native.publisher.event_names - Catalog.catalog.keys
        names.to_h { |name| [name, custom_entry(name)] }
      end

      # @return [Hash{String=>Hash}] all events, the system's first
      def complete_catalog
        Catalog.catalog.merge(custom_events)
      end

      # @param query [String, Symbol] a part of the name or the description, in any case
      # @return [Hash{String=>Hash}]
      # @example
      #   Tasker::Events.search_events('backoff').keys # => ["observability.step.backoff"]
      def search_events(query)
        query = query.to_s.downcase
        complete_catalog.select { |name, entry| "#{name}\n#{entry[:description]}".downcase.include?(query) }
      end

      # @param namespace [String, Symbol] 'order' for order.shipped, order.paid ...
      # @return [Hash{String=>Hash}]
      def events_by_namespace(namespace)
        complete_catalog.select { |name, _| name.start_with?("#{namespace}.") }
      end

      # Prints all events for people.
      #
      # @param output [#puts, #info] an IO or a Logger
      # @return [void]
      def print_catalog(output: $stdout)
        write = output.respond_to?(:puts) ? :puts : :info
        complete_catalog.values.group_by { |entry| entry[:category] }.each do |category, entries|
          output.public_send(write, "#{category.capitalize} events")
          entries.each { |entry| lines_of(entry).each { |line| output.public_send(write, line) } }
        end
        nil
      end

      # Declares one of the application's own events. See {CustomRegistry#register_event}.
      #
      # @param name [String] with a namespace: 'order.fulfilled'
      # @param description [String]
      # @param fired_by [Array<String>, String]
      # @param details [Hash] payload_schema and example_payload
      # @return [void]
      # @raise [ArgumentError] for a name that is no String, has no dot, is a system event's, or in a reserved namespace
      # @example
      #   Tasker::Events.register_custom_event('order.fulfilled', description: 'All parcels of an order are out',
      #                                                           fired_by: ['ShipOrder'])
      def register_custom_event(name, description: 'Custom event', fired_by: [], **details)
        Tasker::Events::CustomRegistry.instance.register_event(name, description: description, fired_by: fired_by,
                                                                     **details)
      end

      # Registers the events that the YAML files of a directory declare. In Rails that happens at boot, with
      # config/tasker/events. What is wrong with a file is logged, with the line, and costs no other event.
      #
      # @param directory [String, Pathname] that need not exist
      # @return [Array<String>] names of the events that were registered
      # @example
      #   Tasker::Events.load_custom_events('config/tasker/events')
      def load_custom_events(directory = 'config/tasker/events')
        require_relative 'event_file'
        files = Dir.glob('*.{yml,yaml}', base: directory).sort.map { |file| EventFile.new(File.join(directory, file)) }
        files.flat_map(&:problems).each { |problem| Native.logger.error("tasker-native: #{problem}") }
        entries = files.flat_map(&:entries)
        entries.each_with_object({}) { |entry, places| register_entry(entry, places) }.keys
      end

      private

      def register_entry(entry, places)
        raise ArgumentError, "#{entry.name} is declared in #{places[entry.name]} already" if places.key?(entry.name)

        register_custom_event(entry.name, **entry.details)
        places[entry.name] = entry.place
      rescue ArgumentError, TooManyEventsError => e
        Native.logger.error("tasker-native: #{entry.place}: #{e.message}")
      end

      def system_entry(name, description, payload, fired_by)
        described = PayloadDescription.new(payload)
        { name: name, category: category_of(name), description: description, payload_schema: described.schema,
          example_payload: described.example, fired_by: fired_by.split(', ') }
      end

      def category_of(name)
        return 'telemetry' if name.start_with?('tasker.')

        namespace = name.split('.').first
        %w[task step workflow observability].include?(namespace) ? namespace : 'test'
      end

      def system_events_of(category)
        Catalog.catalog.select { |_, entry| entry[:category] == category }
      end

      def custom_entry(name)
        known = Tasker::Events::CustomRegistry.instance.event_metadata(name) || {}
        { name: name, category: 'custom', description: 'Custom event', payload_schema: {}, example_payload: {},
          fired_by: [], **known.except(:registered_at) }
      end

      def lines_of(entry)
        ["  #{entry[:name]}: #{entry[:description]}",
         ("    payload: #{entry[:payload_schema].keys.join(', ')}" if entry[:payload_schema].any?),
         ("    fired by: #{entry[:fired_by].join(', ')}" if entry[:fired_by].any?)].compact
      end

      def deep_freeze(value)
        case value
        when Hash then value.each_value { |element| deep_freeze(element) }
        when Array then value.each { |element| deep_freeze(element) }
        end
        value.freeze
      end

      extend self
    end
  end
end
