# frozen_string_literal: true

require 'singleton'

require_relative 'procedural_errors'

# The Tasker names that handlers, subscribers and initializers use, for an app without tasker-engine.
module Tasker
  class << self
    # @yieldparam config [Tasker::Native::Configuration]
    # @return [Tasker::Native::Configuration]
    # @raise [Tasker::Native::ConfigurationError] for a setting that does not exist, or a value that it can't have
    # @raise [Tasker::Native::RactorError]
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
    rescue Ractor::IsolationError
      raise Native::RactorError
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

  # What {Tasker.configuration} yields.
  Configuration = Native::Configuration
  # Where upstream's code asks for the configuration.
  class << Native::Configuration
    # @yieldparam config [Tasker::Native::Configuration]
    # @return [Tasker::Native::Configuration] see {Tasker.configuration}
    def configuration(&)
      Tasker.configuration(&)
    end
  end

  # Events and who listens to them.
  module Events
    extend Native::Catalog

    # The event bus of the app: +Tasker::Events::Publisher.instance+. See {Native::Publisher}.
    class Publisher < Native::Publisher
      include Singleton

      # @return [Publisher] the only one
      # @raise [Tasker::Native::RactorError]
      def self.instance
        super
      rescue Ractor::IsolationError
        raise Native::RactorError
      end
    end

    # What listeners get.
    Event = Native::Event
    # Which events there are; its methods are methods of {Events}, too.
    Catalog = Native::Catalog
    # The application's own events, with what is said about them.
    CustomRegistry = Native::CustomRegistry
    # The standard payloads of events.
    EventPayloadBuilder = Native::EventPayloadBuilder
    # There is no event of this name.
    UnregisteredEventError = Native::UnregisteredEventError

    # A listener with a method for each event, as some documents of tasker-engine name it.
    BaseSubscriber = Native::BaseSubscriber

    # Base classes for listeners.
    module Subscribers
      # A listener with a method for each event.
      BaseSubscriber = Native::BaseSubscriber
      # Turns the events of tasks and steps into spans.
      TelemetrySubscriber = Native::TelemetrySubscriber
    end
  end

  # What is counted and measured.
  module Telemetry
    # Counters, gauges and histograms: +Tasker::Telemetry::MetricsBackend.instance+.
    class MetricsBackend < Native::MetricsBackend
      include Singleton
    end

    # Which events go where: +Tasker::Telemetry::EventRouter.instance+.
    class EventRouter < Native::EventRouter
      include Singleton

      def initialize
        super
        MetricsBackend.instance.register_event_router(self)
      end
    end

    # Where one event goes.
    EventMapping = Native::EventMapping

    # The handles that it gives.
    module MetricTypes
      # Only rises.
      Counter = Native::Counter
      # Rises and falls.
      Gauge = Native::Gauge
      # How measurements are spread.
      Histogram = Native::Histogram
    end
  end

  # What classes of an app include.
  module Concerns
    # The methods by which handlers and models publish events.
    EventPublisher = Native::EventPublisher
    # Structured lines in the log of the application.
    StructuredLogging = Native::StructuredLogging
  end

  # Where tasker-engine has the job that exports metrics: {Native::MetricsPushJob}.
  autoload :MetricsExportJob, File.expand_path('metrics_export_job', __dir__)

  # Handlers of steps.
  module StepHandler
    # Subclasses implement +process+.
    Base = Native::StepHandler::Base
    # Handlers that ask an HTTP API.
    Api = Native::StepHandler::Api
    # What publishes the events around +handle+.
    AutomaticEventPublishing = Native::StepHandler::AutomaticEventPublishing
  end

  # The names of the system events, frozen Strings: +Tasker::Constants::StepEvents::COMPLETED+ is 'step.completed'. The
  # modules are TaskEvents, StepEvents, WorkflowEvents, ObservabilityEvents::Task and ::Step, and TestEvents.
  module Constants; end

  test_constants = { 'test.event' => 'TEST_EVENT', 'slow.event' => 'SLOW_EVENT', 'custom.event' => 'CUSTOM_EVENT',
                     'Test.Event' => 'TEST_DOT_EVENT' }
  Native::SYSTEM_EVENTS.each do |module_path, name|
    owner = module_path.split('::').inject(self) do |outer, part|
      outer.const_defined?(part, false) ? outer.const_get(part, false) : outer.const_set(part, Module.new)
    end
    owner.const_set(test_constants.fetch(name) { name.split('.').last.upcase }, name)
  end
  Constants::TestEvents.const_set(:BASIC_EVENT, Constants::TestEvents::TEST_EVENT)

  Native.connect(Events::Publisher.instance, Telemetry::EventRouter.instance) { configuration.telemetry }
end
