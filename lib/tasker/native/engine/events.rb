# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of the engine's catalog of events, and of its registry of the application's: all events are there, with
      # what config/tasker/events says of their payloads.
      #
      # @api private
      module Events
        # @return [void]
        def self.install
          Tasker::Events::CustomRegistry.prepend(self)
          Tasker::Events::Catalog.singleton_class.prepend(CustomCatalog, Catalog)
        end

        # @param name [String]
        # @param payload_schema [Hash{Symbol=>Hash}] see {PayloadSchema}
        # @param example_payload [Hash{Symbol=>Object}]
        # @param details [Hash] description, fired_by
        # @return [void]
        def register_event(name, payload_schema: {}, example_payload: {}, **details)
          super(name, **details)
          event_metadata(name)&.merge!(payload_schema: payload_schema, example_payload: example_payload)
        end

        # Of the catalog: arguments as the engine takes them, and custom events as its registry has them.
        module CustomCatalog
          # @return [Hash{String=>Hash}] those that were registered
          def custom_events
            super.slice(*Tasker::Events::CustomRegistry.instance.registered_events)
          end

          # @param name [String]
          # @param metadata [Hash]
          # @return [void]
          def register_custom_event(name, metadata = {}, **details)
            super(name, **metadata, **details)
          end

          # @param output [#puts, #info, nil]
          # @return [void]
          def print_catalog(output: nil)
            super(output: output || $stdout)
          end
        end
      end
    end
  end
end
