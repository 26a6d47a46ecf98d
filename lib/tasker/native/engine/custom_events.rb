# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of the engine's registry of the application's events, for those that config/tasker/events describes.
      #
      # @api private
      module CustomEvents
        # @return [void]
        def self.install
          Tasker::Events::CustomRegistry.prepend(self)
        end

        # @param name [String]
        # @param payload_schema [Hash] of which the engine's catalog tells nothing
        # @param example_payload [Hash] the same
        # @param details [Hash] description, fired_by
        # @return [void]
        def register_event(name, payload_schema: {}, example_payload: {}, **details) # rubocop:disable Lint/UnusedMethodArgument
          super(name, **details)
        end
      end
    end
  end
end
