# frozen_string_literal: true

module Tasker
  module Native
    class Waterfall
      # Names of the attributes whose values were masked, wholly or in part.
      #
      # @api private
      class MaskedNames
        # @param mask [String] what masked values were replaced by
        def initialize(mask)
          @mask = mask
          @inner_key = /"((?:[^"\\]|\\.){1,100})"\s*:\s*"#{Regexp.escape(mask)}"/
        end

        # @param spans [Array<SpanData>]
        # @return [Array<String>] each name once
        def in_spans(spans)
          spans.flat_map { |span| in_span(span) }.uniq
        end

        # @return [Boolean]
        def masked?(value)
          value.is_a?(String) && value.include?(@mask)
        end

        private

        def in_span(span)
          [span, *span.events].flat_map do |recorded|
            recorded.attributes.select { |_, value| masked?(value) }.flat_map { |key, value| in_value(key, value) }
          end
        end

        # A nested Hash was recorded as JSON: says which of its keys were masked.
        def in_value(key, value)
          inner = value.scan(@inner_key).flatten
          inner.empty? ? [key] : inner.map { |name| "#{key}.#{name}" }
        end
      end
    end
  end
end
