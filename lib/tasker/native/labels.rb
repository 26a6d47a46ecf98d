# frozen_string_literal: true

module Tasker
  module Native
    # Labels as a series has them.
    #
    # @api private
    module Labels
      PLAIN = [String, Symbol, Integer, TrueClass, FalseClass, NilClass].freeze
      private_constant :PLAIN

      # @param labels [Hash]
      # @return [Hash] of valid texts, without secrets
      def self.of(labels)
        return labels if labels.empty?

        Native.filter.filter(labels).transform_values { |value| text(value) }
      end

      def self.text(value)
        text = value.is_a?(String) ? value : value.to_s
        if text.encoding == Encoding::UTF_8 && text.valid_encoding?
          text
        else
          text.encode('UTF-8', invalid: :replace,
                               undef: :replace).scrub
        end
      rescue *ISOLATED_ERRORS
        value.class.to_s
      end
      private_class_method :text
    end
  end
end
