# frozen_string_literal: true

module Tasker
  module Native
    module Testing
      # What the matchers have in common. A matcher has a +description+ and says +what_there_was+.
      # @api private
      module Matcher
        include RSpec::Matchers::Composable

        # @api private
        # @return [true]
        def supports_block_expectations?
          true
        end

        # @return [String]
        def failure_message
          "expected to #{description}, but #{what_there_was}"
        end

        # @return [String]
        def failure_message_when_negated
          "expected not to #{description}, but #{what_there_was}"
        end

        private

        def formatted(object)
          RSpec::Support::ObjectFormatter.format(object)
        end
      end
    end
  end
end
