# frozen_string_literal: true

module Tasker
  module Native
    # Takes over the telemetry of tasker-engine where that is in the bundle, starts telemetry at boot, once the app's
    # initializers have set it up, loads config/tasker/events before them, keeps what is subscribed in
    # +config.to_prepare+ from being subscribed twice, mounts the page of metrics where +metrics_endpoint+ says, and
    # brings the rake tasks.
    class Railtie < ::Rails::Railtie
      # With the gem's line alone, Bundler has loaded its engine only. Also where that is left alone: the app's
      # initializers are the same. A version that nobody has looked at may not have this file.
      require 'tasker' if Engine.present? && Gem.loaded_specs['tasker-engine'].contains_requirable_file?('tasker')

      initializer 'tasker_native.engine', after: 'tasker.setup', before: :load_config_initializers do
        Engine.install
      end

      initializer 'tasker_native.custom_events', before: :load_config_initializers do |app|
        Catalog.load_custom_events(app.root.join('config/tasker/events')) if Native.publisher
      end

      initializer 'tasker_native.subscriptions' do |app|
        bus = Native.publisher or next

        app.reloader.set_callback(:prepare, :around, prepend: true) { |_reloader, blocks| bus.prepare(&blocks) }
      end

      config.to_prepare { Engine.prepare }

      config.after_initialize do
        Engine.settings.complete_filters if Engine.bus
        Native.start if Native.runtime.settings.enabled
      end

      initializer 'tasker_native.metrics_endpoint', after: :load_config_initializers do |app|
        settings = Native.runtime.settings
        if settings.set?(:metrics_endpoint) && settings.metrics_endpoint
          app.routes.append { mount Web::Metrics => settings.metrics_endpoint }
        end
      end

      rake_tasks do
        %w[telemetry metrics].each { |name| load File.expand_path("../../tasks/tasker_#{name}.rake", __dir__) }
      end
    end
  end
end
