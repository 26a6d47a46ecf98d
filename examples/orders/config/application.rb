# frozen_string_literal: true

require_relative 'boot'

require 'rails'
require 'active_record/railtie'
require 'tasker-native' # in an app of your own, Bundler.require does it

module Orders
  class Application < Rails::Application
    config.load_defaults 7.2
  end
end
