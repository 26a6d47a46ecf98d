# frozen_string_literal: true

module Tasker
  module Native
    # Beside the gem tasker-engine: takes over what it does for telemetry, and leaves its names and everything else to
    # it. {Railtie} calls {install} once the engine has loaded its own classes; docs/engine.md tells what differs then.
    #
    # @api private
    module Engine
      autoload :Attempt, 'tasker/native/engine/attempt'
      autoload :Bus, 'tasker/native/engine/bus'
      autoload :Compatibility, 'tasker/native/engine/compatibility'
      autoload :Concerns, 'tasker/native/engine/concerns'
      autoload :Configuration, 'tasker/native/engine/configuration'
      autoload :Events, 'tasker/native/engine/events'
      autoload :Orchestration, 'tasker/native/engine/orchestration'
      autoload :Records, 'tasker/native/engine/records'
      autoload :Settings, 'tasker/native/engine/settings'
      autoload :Subscribers, 'tasker/native/engine/subscribers'
      autoload :TaskHistory, 'tasker/native/engine/task_history'

      class << self
        # @return [Boolean] whether this process runs tasker-engine, which brings the Tasker names itself
        def present?
          !defined?(Gem).nil? && Gem.loaded_specs.key?('tasker-engine')
        end

        # @return [Boolean] false: the engine is left alone
        def wanted?
          present? && !ENV['TASKER_NATIVE'].to_s.casecmp?('off')
        end

        # Takes over. Does nothing the second time, where it is switched off, and beside an engine that it does not
        # know, of which it warns. An app that boots with tasker-native boots where that is switched off, too.
        #
        # @return [void]
        def install
          let_eager_loading_pass if present? && Compatibility.known?
          return if @bus || !wanted?

          problem = Compatibility.problem
          problem ? warn_of(problem) : take_over
        end

        # At boot, and after the application's code was loaded anew: the engine's subscriber for metrics, which can't be
        # loaded before. By then, whoever wants to stand in front of the publisher does.
        #
        # @return [void]
        def prepare
          return unless @bus

          Bus.watch
          Tasker::Events::Subscribers::MetricsSubscriber.subscribe(Tasker::Events::Publisher.instance)
        end

        # Runs the block with the class now, if it is loaded, and whenever Rails loads it anew.
        #
        # @param name [String]
        # @yieldparam loaded [Class]
        # @return [void]
        def on_load(name)
          ::Rails.autoloaders.main.on_load(name) { |loaded, _path| yield loaded }
          loaded = loaded(name)
          yield loaded if loaded
        end

        # @return [Publisher] the native one
        attr_reader :bus

        # @return [Settings] those of the application, whose configuration tests replace
        def settings
          configuration = Tasker::Configuration.instance_variable_get(:@configuration)
          (configuration || Tasker::Configuration.configuration).native_settings
        end

        private

        # Without loading it.
        def loaded(name)
          name.split('::').inject(::Object) do |scope, part|
            return nil if !scope.const_defined?(part, false) || scope.autoload?(part, false)

            scope.const_get(part, false)
          end
        end

        def take_over
          @bus = Native::Publisher.new
          Bus.install(@bus)
          Events.install
          Configuration.install
          Native.connect(@bus) { settings }
          Concerns.install
          Subscribers.install
          Orchestration.install
          Records.install
        end

        def let_eager_loading_pass
          misnamed = Compatibility::MISNAMED.map { |path| Tasker::Engine.root.join(path) }
          ::Rails.autoloaders.main.do_not_eager_load(*misnamed)
        end

        def warn_of(problem)
          ::Rails.logger&.warn("tasker-native: #{problem} tasker-engine's own telemetry stays as it is. Next: use a " \
                               "version of tasker-engine that tasker-native #{VERSION} knows " \
                               "(#{Compatibility::VERSIONS.join(', ')}), or a newer tasker-native.")
        end
      end
    end
  end
end
