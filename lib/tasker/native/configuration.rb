# frozen_string_literal: true

require_relative 'parameter_filter'
require_relative 'settings'

module Tasker
  module Native
    # What +Tasker.configuration+ yields.
    class Configuration
      # @yieldparam settings [Tasker::Native::Settings] changes take effect together at the end of the block
      # @return [Tasker::Native::Settings]
      def telemetry(&block)
        @telemetry ||= Settings.new(on_change: -> { Native.runtime.refresh })
        block ? @telemetry.change(&block) : @telemetry
      end

      # @return [String]
      def inspect
        "#<#{self.class} telemetry=#{telemetry.inspect}>"
      end
    end
  end
end
