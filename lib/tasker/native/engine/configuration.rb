# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # In front of the engine's configuration: +config.telemetry+ has this gem's settings, too, and what changes takes
      # effect at once.
      #
      # @api private
      module Configuration
        # @return [void]
        def self.install
          Tasker::Configuration.prepend(self)
          Tasker::Configuration.singleton_class.prepend(Replacing)
          Tasker::Configuration::TelemetryConfigurationProxy.prepend(OwnSettings::InBlock)
          Tasker::Types::TelemetryConfig.prepend(OwnSettings)
        end

        # Of Tasker::Configuration itself.
        module Replacing
          # @return [Tasker::Configuration]
          def reset_configuration!
            super.tap { Native.runtime.refresh }
          end
        end

        # @yieldparam settings [Tasker::Configuration::TelemetryConfigurationProxy]
        # @return [Tasker::Types::TelemetryConfig]
        # @raise [ConfigurationError] for a value that a setting of this gem can't have
        def telemetry
          return super unless block_given?

          own = {}
          telemetry = native_settings.noting_filters do
            super do |proxy|
              yield proxy
              own = proxy.to_h.except(*Tasker::Types::TelemetryConfig.attribute_names)
            end
          end
          native_settings.change { |settings| own.each { |name, value| Configuration.set(settings, name, value) } }
          telemetry
        end

        # @return [void]
        def reset!
          super.tap do
            @native_settings = nil
            Native.runtime.refresh
          end
        end

        # @return [Settings]
        def native_settings
          @native_settings ||= Settings.new(self)
        end

        # @param settings [Settings]
        # @param name [Symbol]
        # @param value [Object]
        # @return [void]
        def self.set(settings, name, value)
          settings.public_send(:"#{name}=", value)
        rescue ConfigurationError => e
          raise if Settings.own.include?(name)

          settings.warn_once(e.message) # the engine takes any name
        end

        private

        def initialize_copy(original)
          super
          @native_settings = original.native_settings.for(self)
        end

        # In front of the engine's telemetry settings: readers of this gem's, and writers of all, which change what is
        # in force at once: +Tasker.configuration.telemetry.enabled = true+.
        module OwnSettings
          # Where the settings are in a block.
          module InBlock; end

          Native::Settings::DEFINITIONS.each_key do |name|
            define_method(:"#{name}=") do |value|
              Engine.settings.configuration.telemetry { |settings| settings.public_send(:"#{name}=", value) }
            end
          end
          Settings.own.each do |name|
            define_method(name) { Engine.settings.public_send(name) }
            InBlock.define_method(name) do
              @hash.fetch(name) { Engine.settings.public_send(name) }
            end
          end
        end
      end
    end
  end
end
