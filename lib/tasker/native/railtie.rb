# frozen_string_literal: true

module Tasker
  module Native
    # Starts telemetry at boot, once the app's initializers have set it up, and brings the rake tasks.
    class Railtie < ::Rails::Railtie
      config.after_initialize do
        Native.start if Native.runtime.settings.enabled
      end

      rake_tasks do
        load File.expand_path('../../tasks/tasker_telemetry.rake', __dir__)
      end
    end
  end
end
