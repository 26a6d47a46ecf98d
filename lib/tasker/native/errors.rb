# frozen_string_literal: true

module Tasker
  module Native
    # Base of the errors that telemetry raises. (The extension has defined it, and the next two.)
    class Error < StandardError; end

    # There is no event of this name: {Publisher#register_event} makes it known.
    class UnregisteredEventError < Error; end

    # An event more than the 10,000 that there may be: ids and the like belong into payloads, not into names.
    class TooManyEventsError < UnregisteredEventError; end

    # Telemetry was used in a Ractor that is not the main one. {ParameterFilter} alone works there.
    class RactorError < Error
      # @param message [String]
      def initialize(message = 'telemetry works in the main Ractor only (but for Tasker::Native::ParameterFilter): ' \
                               'send what happened to it, and publish there')
        super
      end
    end

    # What application code raises for reasons of its own, and telemetry keeps to itself. Interrupt, SystemExit, throw,
    # Thread#kill and a Timeout of the caller are none of these. The core has the same list.
    ISOLATED_ERRORS = [StandardError, ScriptError, SystemStackError, NoMemoryError].freeze
    private_constant :ISOLATED_ERRORS

    # A setting that does not exist, or a value that a setting can't have.
    class ConfigurationError < Error; end
  end
end
