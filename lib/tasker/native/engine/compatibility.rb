# frozen_string_literal: true

module Tasker
  module Native
    module Engine
      # What of tasker-engine this gem relies on beyond its public names. Each was seen in the versions named here;
      # another version is left alone until somebody has looked. What is below is checked at boot.
      #
      # Not checked, since it is loaded later or can't be asked for: that Tasker::Task and Tasker::WorkflowStep keep
      # their machine in +@state_machine+ and have their name from +named_task+ and +named_step+, the tables of steps
      # and transitions that {Records::CompletionStats} reads, the instance variable +@configuration+ of
      # Tasker::Configuration, and that handlers inherit from Tasker::StepHandler::Base and Api.
      #
      # @api private
      module Compatibility
        # Those that somebody has looked at.
        VERSIONS = %w[0.1.0].freeze

        # Methods of instances, by class or module, that are replaced or called.
        METHODS = {
          'Tasker::Events::Publisher' => %i[publish subscribe register_event __bus__],
          'Tasker::Events::Subscribers::BaseSubscriber' => %i[subscribe_to_publisher event_subscriptions
                                                              resolve_internal_event_constant should_process_event?],
          'Tasker::Events::Subscribers::TelemetrySubscriber' => %i[create_tracer get_task_span remove_task_span
                                                                   finish_task_span],
          'Tasker::Concerns::EventPublisher' => %i[publish_event publish_step_started publish_step_before_handle
                                                   publish_step_completed publish_step_failed],
          'Tasker::Concerns::StructuredLogging' => %i[log_structured log_task_event log_step_event],
          'Tasker::Configuration' => %i[telemetry reset!],
          'Tasker::Configuration::TelemetryConfigurationProxy' => %i[to_h],
          'Tasker::StateMachine::StepStateMachine' => %i[transition_to! object]
        }.freeze
        # The same of classes themselves.
        CLASS_METHODS = {
          'Tasker::Events::Publisher' => %i[events listeners register_event subscribe],
          'Tasker::Events::EventPayloadBuilder' => %i[build_step_payload build_task_payload
                                                      build_orchestration_payload],
          'Tasker::Types::TelemetryConfig' => %i[attribute_names],
          'Tasker::Configuration' => %i[configuration reset_configuration!],
          'Tasker::Orchestration::Coordinator' => %i[setup_telemetry_subscriber],
          'Tasker::StateMachine::StepStateMachine' => %i[safe_fire_event determine_event_type_from_name]
        }.freeze

        # Files and folders whose files do not define what they are called after: with +eager_load+, as in production,
        # the engine does not boot unless they are left out.
        MISNAMED = %w[app/graphql lib/generators lib/tasker/errors.rb lib/tasker/authentication/errors.rb
                      lib/tasker/authorization/errors.rb].freeze

        class << self
          # @return [String] of the engine
          def version
            Gem.loaded_specs['tasker-engine'].version.to_s
          end

          # @return [Boolean] whether somebody has looked at this version
          def known?
            VERSIONS.include?(version)
          end

          # @return [String, nil] why this engine can't be taken over, a sentence; nil: it can
          def problem
            return "tasker-engine #{version} is unknown here." unless known?

            missing = missing_names
            "tasker-engine #{version} has no #{missing.join(', ')}, as it should." if missing.any?
          end

          private

          def missing_names
            missing(METHODS, '#') { |owner, name| has?(owner, name) } +
              missing(CLASS_METHODS, '.') { |owner, name| has?(owner.singleton_class, name) }
          end

          def missing(table, separator)
            table.flat_map do |path, names|
              owner = path.safe_constantize or next [path]
              names.reject { |name| yield owner, name }.map { |name| "#{path}#{separator}#{name}" }
            end
          end

          def has?(owner, name)
            owner.method_defined?(name) || owner.private_method_defined?(name)
          end
        end
      end
    end
  end
end
