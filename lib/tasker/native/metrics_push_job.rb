# frozen_string_literal: true

require 'active_job'

module Tasker
  module Native
    # Pushes the metrics of the app, as {MetricsPush} does. It tries again by itself, within +job_timeout+; what fails
    # then is a line in the log. With +skip_if_unavailable: false+ it is raised, and the queue may do the job again.
    #
    # @example As often as something schedules it
    #   Tasker::Native::MetricsPushJob.perform_later
    # @note Loaded when it is first named, with ActiveJob.
    #
    # @!method self.queue_name
    #   @return [Proc] which gives +queue+ of the setting +prometheus+ at that time
    class MetricsPushJob < ::ActiveJob::Base
      queue_as { Native.runtime.settings.prometheus[:queue] }

      # @param _options [Hash] what tasker-engine's job of this kind was given; nothing of it is needed
      # @return [void]
      # @raise [MetricsPush::Failed] with +skip_if_unavailable: false+
      def perform(**_options)
        settings = Native.runtime.settings
        push = MetricsPush.new(settings)
        settings.prometheus[:skip_if_unavailable] ? push.push : push.push!
      end
    end
  end
end
