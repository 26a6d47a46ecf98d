# frozen_string_literal: true

require 'time'

module Tasker
  module Native
    module StepHandler
      # How long to wait before trying again: +delay+ seconds, twice as long each time unless +exponential+ is false, at
      # most +max_delay+, shortened by up to +jitter+ (a part of it, 0.0 to 1.0) so that not everybody comes back at
      # once.
      #
      # @api private
      class Backoff
        LONGEST_RETRY_AFTER = 3600 # seconds; who asks for more is mistaken
        private_constant :LONGEST_RETRY_AFTER

        # @param header [String, nil] what stands behind Retry-After: seconds or a date
        # @return [Numeric, nil] seconds
        def self.retry_after(header)
          text = header.to_s.strip
          return if text.empty?

          seconds = text.match?(/\A\d+(\.\d+)?\z/) ? text.to_f : Time.httpdate(text) - Time.now
          seconds.clamp(0, LONGEST_RETRY_AFTER).round(3)
        rescue ArgumentError
          nil
        end

        # @return [Numeric] seconds
        attr_reader :max_delay

        # @param delay [Numeric] seconds
        # @param max_delay [Numeric] seconds
        # @param exponential [Boolean]
        # @param jitter [Numeric] 0.0 to 1.0
        def initialize(delay:, max_delay:, exponential:, jitter:)
          @delay = delay
          @max_delay = max_delay
          @exponential = exponential
          @jitter = jitter
        end

        # @param attempt [Integer] the one that failed, from 1 on
        # @return [Float] seconds
        def seconds(attempt)
          factor = @exponential ? 2**(attempt - 1).clamp(0, 30) : 1
          longest = [@delay * factor, @max_delay].min
          (longest - (longest * @jitter * rand)).to_f.round(3)
        end
      end
    end
  end
end
