# frozen_string_literal: true

require 'singleton'

require_relative 'procedural_errors'

# The Tasker names that handlers, subscribers and initializers use, for an app without tasker-engine.
module Tasker
  class << self
    # @yieldparam config [Tasker::Native::Configuration]
    # @return [Tasker::Native::Configuration]
    # @example
    #   Tasker.configuration do |config|
    #     config.telemetry do |tel|
    #       tel.service_name = 'orders'
    #     end
    #   end
    def configuration
      @configuration ||= Native::Configuration.new
      yield @configuration if block_given?
      @configuration
    end

    # Back to the defaults.
    #
    # @return [Tasker::Native::Configuration]
    def reset_configuration!
      @configuration = nil
      Native.runtime.refresh
      configuration
    end
  end

  Configuration = Native::Configuration
  # Where upstream's code asks for the configuration.
  class << Configuration
    # @return [Tasker::Native::Configuration]
    def configuration(&)
      Tasker.configuration(&)
    end
  end

  # Events and who listens to them.
  module Events
    extend Native::Catalog

    # The event bus of the app: +Tasker::Events::Publisher.instance+.
    class Publisher < Native::Publisher
      include Singleton
    end

    Event = Native::Event
    Catalog = Native::Catalog
    CustomRegistry = Native::CustomRegistry
    EventPayloadBuilder = Native::EventPayloadBuilder
    UnregisteredEventError = Native::UnregisteredEventError

    BaseSubscriber = Native::BaseSubscriber

    # Base classes for listeners.
    module Subscribers
      BaseSubscriber = Native::BaseSubscriber
      TelemetrySubscriber = Native::TelemetrySubscriber
    end
  end

  # What classes of an app include.
  module Concerns
    EventPublisher = Native::EventPublisher
    StructuredLogging = Native::StructuredLogging
  end

  # Handlers of steps.
  module StepHandler
    Base = Native::StepHandler::Base
    Api = Native::StepHandler::Api
    AutomaticEventPublishing = Native::StepHandler::AutomaticEventPublishing
  end

  # Constants such as Tasker::Constants::StepEvents::COMPLETED: one for each system event.
  test_constants = { 'test.event' => 'TEST_EVENT', 'slow.event' => 'SLOW_EVENT', 'custom.event' => 'CUSTOM_EVENT',
                     'Test.Event' => 'TEST_DOT_EVENT' }
  Native::SYSTEM_EVENTS.each do |module_path, name|
    owner = module_path.split('::').inject(self) do |outer, part|
      outer.const_defined?(part, false) ? outer.const_get(part, false) : outer.const_set(part, Module.new)
    end
    owner.const_set(test_constants.fetch(name) { name.split('.').last.upcase }, name)
  end
  Constants::TestEvents::BASIC_EVENT = Constants::TestEvents::TEST_EVENT

  Native.runtime.trace(Events::Publisher.instance)
end
