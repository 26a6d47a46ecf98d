# frozen_string_literal: true

# This app shares the Gemfile of the repository it stands in. An app of your own has a line in its own Gemfile:
#   gem 'tasker-native', path: '../tasker-native'
ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../../../Gemfile', __dir__)

require 'bundler/setup'
