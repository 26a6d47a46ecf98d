# frozen_string_literal: true

RETRY_WAIT = 2.5.seconds # longer than the engine's backoff after a first failure

Rails.application.config.to_prepare do
  Rails.root.glob('config/tasker/tasks/*.yaml') do |template|
    Tasker::TaskBuilder.new(config: ActiveSupport::ConfigurationFile.parse(template))
  end

  # The engine ends every job whose task is not complete with an error. A task that waits for a retry gets another job,
  # in a queue that other workers may take.
  Tasker::TaskRunnerJob.rescue_from(StandardError) do |error|
    raise error unless Tasker::Task.find(arguments.first).status == Tasker::Constants::TaskStatuses::PENDING

    retry_job(wait: RETRY_WAIT, queue: :retries, error: error)
  end
end
