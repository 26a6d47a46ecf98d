# frozen_string_literal: true

module Tasker
  module Native
    # Error, UnregisteredEventError and TooManyEventsError are defined by the extension.

    # What application code raises for reasons of its own, and telemetry keeps to itself. Interrupt, SystemExit, throw,
    # Thread#kill and a Timeout of the caller are none of these. The core has the same list.
    ISOLATED_ERRORS = [StandardError, ScriptError, SystemStackError, NoMemoryError].freeze
    private_constant :ISOLATED_ERRORS

    # A setting that does not exist, or a value that a setting can't have.
    class ConfigurationError < Error; end
  end
end
