# frozen_string_literal: true

module Tasker
  module Native
    # Error and UnregisteredEventError are defined by the extension.

    # A setting that does not exist, or a value that a setting can't have.
    class ConfigurationError < Error; end
  end
end
