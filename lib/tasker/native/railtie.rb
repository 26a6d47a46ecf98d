# frozen_string_literal: true

module Tasker
  module Native
    # Starts telemetry at boot, once the app's initializers have set it up, loads config/tasker/events before them,
    # keeps what is subscribed in +config.to_prepare+ from being subscribed twice, and brings the rake tasks.
    class Railtie < ::Rails::Railtie
      initializer 'tasker_native.custom_events', before: :load_config_initializers do |app|
        Tasker::Events.load_custom_events(app.root.join('config/tasker/events')) unless Native.runtime.engine?
      end

      initializer 'tasker_native.subscriptions' do |app|
        next if Native.runtime.engine?

        app.reloader.set_callback(:prepare, :around, prepend: true) do |_reloader, blocks|
          Tasker::Events::Publisher.instance.prepare(&blocks)
        end
      end

      config.after_initialize do
        Native.start if Native.runtime.settings.enabled
      end

      rake_tasks do
        load File.expand_path('../../tasks/tasker_telemetry.rake', __dir__)
      end
    end
  end
end
