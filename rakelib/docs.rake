# frozen_string_literal: true

namespace :docs do
  desc 'Write into docs/events.md what the table of events says'
  task events: :compile do
    $LOAD_PATH.unshift(File.expand_path('../lib', __dir__))
    require 'tasker-native'
    require_relative 'events_page'
    EventsPage.new.write
  end
end
