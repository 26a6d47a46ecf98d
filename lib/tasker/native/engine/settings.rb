# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # The settings of telemetry beside the engine: those that the engine has, as its configuration says, and those
      # that only this gem has.
      #
      # @api private
      class Settings < Native::Settings
        class << self
          # @return [Array<Symbol>] settings that the engine has
          def of_engine
            @of_engine ||= Native::Settings::DEFINITIONS.keys & Tasker::Types::TelemetryConfig.attribute_names
          end

          # @return [Array<Symbol>] settings that only this gem has
          def own
            @own ||= Native::Settings::DEFINITIONS.keys - of_engine
          end
        end

        # @return [Tasker::Configuration]
        attr_reader :configuration

        # @param configuration [Tasker::Configuration]
        def initialize(configuration)
          super(on_change: -> { Native.runtime.refresh })
          @configuration = configuration
          @seen = configuration.telemetry
        end

        # @param configuration [Tasker::Configuration]
        # @return [Settings] with the same values
        def for(configuration)
          dup.tap { |settings| settings.take_from(@values, configuration) }
        end

        # The engine copies Rails' filters when its settings are read for the first time. That may have been before the
        # app's initializers have changed theirs, or Rails has made one Regexp of them all. What was copied stays.
        #
        # @return [void]
        def complete_filters
          copied = of_engine(:filter_parameters)
          filters = ::Rails.application.config.filter_parameters
          return if @own_filters || copied.empty? || copied == filters

          write(:filter_parameters, filters | copied)
        end

        # Runs the block, in which the application may set filters of its own.
        #
        # @yield
        # @return [Object] what the block returns
        def noting_filters
          before = of_engine(:filter_parameters).dup
          yield.tap { @own_filters = true if of_engine(:filter_parameters) != before }
        end

        # @return [Boolean] whether the engine's settings were replaced without a word, as tests do, since the last time
        def replaced?
          telemetry = @configuration.telemetry
          return false if telemetry.equal?(@seen)

          @seen = telemetry
          true
        end

        protected

        # @param values [Hash{Symbol=>Object}] of those that only this gem has
        # @param configuration [Tasker::Configuration]
        # @return [void]
        def take_from(values, configuration)
          @values = values.dup
          @configuration = configuration
          @seen = configuration.telemetry
        end

        private

        def read(name)
          return super unless Settings.of_engine.include?(name)
          return super if name == :filter_parameters && of_engine(name) == DEFAULT_FILTERS

          values = checked
          values.fetch(name) { values[name] = DEFINITIONS[name].check(of_engine(name)) }
        rescue ConfigurationError => e
          warn_once("#{e.message}. Its default is used.")
          super
        end

        # Those of the engine's settings that have been read since they are these. One pair, for another thread may
        # ask, or replace them, meanwhile.
        def checked
          telemetry = @configuration.telemetry
          of, values = @checked
          return values if telemetry.equal?(of)

          @checked = [telemetry, values = {}]
          values
        end

        # Written to the engine's settings, which are replaced as a whole.
        def write(name, value)
          return super unless Settings.of_engine.include?(name)

          DEFINITIONS[name].check(value)
          @configuration.telemetry { |settings| settings.public_send(:"#{name}=", value) }
        end

        def of_engine(name)
          @configuration.telemetry.public_send(name)
        end
      end
    end
  end
end
