# frozen_string_literal: true

require_relative 'errors'

module Tasker
  module Native
    # What steps, tasks and errors of the application tell: they may have a part of their methods only, or raise.
    #
    # @api private
    module Answer
      # @param object [Object]
      # @param method [Symbol]
      # @return [Object, nil] nil where it has no answer
      def self.of(object, method)
        object.public_send(method) if object.respond_to?(method)
      rescue *ISOLATED_ERRORS
        nil
      end
    end
  end
end
