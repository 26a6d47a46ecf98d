# frozen_string_literal: true

module Tasker
  # Base of the errors by which handlers say what is to become of their step.
  class Error < StandardError; end

  # An attempt failed, and it is known whether another one makes sense.
  class ProceduralError < Error; end

  # Another attempt may succeed.
  #
  # @example
  #   raise Tasker::RetryableError.new('the warehouse is busy', retry_after: 30)
  class RetryableError < ProceduralError
    # @return [Numeric, nil] seconds that the next attempt should wait
    attr_reader :retry_after

    # @return [Hash] kept in the step's results, filtered
    attr_reader :context

    # @param message [String]
    # @param retry_after [Numeric, nil]
    # @param context [Hash]
    def initialize(message, retry_after: nil, context: {})
      super(message)
      @retry_after = retry_after
      @context = context
    end
  end

  # Another attempt would fail, too.
  #
  # @example
  #   raise Tasker::PermanentError.new('no such customer', error_code: 'UNKNOWN_CUSTOMER')
  class PermanentError < ProceduralError
    # @return [String, nil]
    attr_reader :error_code

    # @return [Hash] kept in the step's results, filtered
    attr_reader :context

    # @param message [String]
    # @param error_code [String, nil]
    # @param context [Hash]
    def initialize(message, error_code: nil, context: {})
      super(message)
      @error_code = error_code
      @context = context
    end
  end
end
