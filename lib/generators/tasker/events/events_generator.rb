# frozen_string_literal: true

require 'rails/generators'

require_relative '../generator'

module Tasker
  # +rails generate tasker:events+: a place for the descriptions of the application's events, and an example. Its name
  # is that of tasker-engine's: beside it, `rails generate --help` would list two.
  class EventsGenerator < Rails::Generators::Base
    include Generators::Generator

    source_root File.expand_path('templates', __dir__)

    class_option :create_example, type: :boolean, default: true, desc: 'Two events and a subscriber, as an example'

    # @return [void]
    def create_events
      if options[:create_example]
        copy_file 'examples.yml', 'config/tasker/events/examples.yml'
        template 'custom_events_subscriber.rb', 'app/subscribers/custom_events_subscriber.rb'
      else
        create_file 'config/tasker/events/.keep'
      end
    end

    # @return [void]
    def remove_folders
      %w[config/tasker/events app/subscribers].each { |path| remove_empty_folders(path) }
    end

    # @return [void]
    def tell_how_to_go_on
      return unless behavior == :invoke

      say <<~TEXT

        Describe the events of your application in config/tasker/events/*.yml, publish them where
        Tasker::Concerns::EventPublisher is included:

          publish_event('order.fulfilled', order_id: order.id)

        and listen to them: rails generate tasker:subscriber orders --events order.fulfilled
      TEXT
    end
  end
end
