# frozen_string_literal: true

module Tasker
  module Native
    # What listeners get: the name of an event and its payload, as published. The payload is not filtered; it is one
    # Hash for all listeners of a publication.
    class Event
      # @return [String] the event's name
      attr_reader :id

      # @return [Hash]
      attr_reader :payload

      # @param id [String]
      # @param payload [Hash]
      def initialize(id, payload = {})
        @id = id
        @payload = payload
      end

      # @param key [Symbol, String]
      # @return [Object]
      # @raise [KeyError] when the payload does not have the key
      def [](key)
        @payload.fetch(key)
      end

      # @return [Hash] the payload
      def to_h
        @payload
      end
      alias to_hash to_h

      # @return [String] filtered, unlike the payload
      def inspect
        "#<#{self.class} #{Native.filter.clean(id.to_s)} #{Native.filter.json(@payload)}>"
      rescue *ISOLATED_ERRORS
        "#<#{self.class}>"
      end
    end
  end
end
