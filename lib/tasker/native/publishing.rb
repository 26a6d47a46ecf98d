# frozen_string_literal: true

module Tasker
  module Native
    # What the methods of {EventPublisher} have in common. It is no part of that module: whoever includes it may have
    # methods of these names.
    #
    # @api private
    module Publishing
      class << self
        # The hot path: nothing stands between it and the core.
        #
        # @param host [Object, nil] who publishes; nil: without a line in the log
        # @param event_name [String]
        # @param event_type [Symbol] which payload
        # @param step [Object]
        # @param error [Exception, String, nil]
        # @param context [Hash]
        # @return [void]
        def step(host, event_name, event_type, step, error, context) # rubocop:disable Metrics/ParameterLists -- as the core's
          Native.publisher.publish_step(host, event_name, event_type, step, error, context)
        rescue *ISOLATED_ERRORS => e
          Native.report_publishing_error(event_name, e)
        end

        # @param host [Object] who publishes
        # @param event_name [String]
        # @param event_type [Symbol] which payload
        # @param task [Object]
        # @param context [Hash]
        # @return [void]
        def task(host, event_name, event_type, task, context)
          rescuing(event_name) { of_task(host, event_name, event_type, task, context) }
        end

        # For a line in the log alone, and for a metric, the task's steps are not counted.
        #
        # @param (see #task)
        # @return [void]
        def of_task(host, event_name, event_type, task, context)
          publisher = Native.publisher
          payload = if publisher.wanted?(event_name) && !only_counted?(publisher, event_name)
                      EventPayloadBuilder.build_task_payload(task, event_type: event_type, additional_context: context)
                    elsif publisher.wanted?(event_name) || publisher.shows_line?(event_name)
                      fields = EventPayloadBuilder.task_fields(task, :task_id, :task_name)
                      fields.merge(event_type: event_type, **context)
                    end
          publisher.publish_by(host, event_name, payload || {}, task)
        end

        # What observes the engine is no part of a task's span.
        def only_counted?(publisher, event_name)
          event_name.start_with?('observability.') && publisher.only_counted?(event_name)
        end

        # The block gives the keys of this event, the task those that are named.
        #
        # @param host [Object] who publishes
        # @param event_name [String]
        # @param context [Hash]
        # @param task [Object, nil]
        # @param keys [Array<Symbol>]
        # @return [void]
        def orchestration(host, event_name, context, task = nil, keys = %i[task_id task_name])
          rescuing(event_name) do |publisher|
            payload = {}
            if publisher.wanted?(event_name) || publisher.shows_line?(event_name)
              of_task = task ? EventPayloadBuilder.task_fields(task, *keys) : {}
              payload = EventPayloadBuilder.build_orchestration_payload(event_type: event_type_of(event_name),
                                                                        context: { **of_task, **yield, **context })
            end
            publisher.publish_by(host, event_name, payload, nil)
          end
        end

        # What the block raises is logged. A name that nobody has registered is, before.
        #
        # @param event_name [String, Symbol]
        # @yieldparam publisher [Publisher]
        # @return [void]
        def rescuing(event_name)
          publisher = Native.publisher
          publisher.register_event(event_name) unless publisher.registered?(event_name)
          yield publisher
          nil
        rescue TooManyEventsError => e
          Native.runtime.warn_of_too_many_events(event_name, e)
        rescue *ISOLATED_ERRORS => e
          Native.report_publishing_error(event_name, e)
        end

        # @param event_name [String, Symbol]
        # @return [String] 'started' for step.execution_requested: the catalog knows; else the last part of the name
        def event_type_of(event_name)
          entry = Catalog.catalog[event_name.to_s]
          (entry && entry[:example_payload][:event_type]) || event_name.to_s.split('.').last
        end
      end
    end
  end
end
