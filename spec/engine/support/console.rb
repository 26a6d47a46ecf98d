# frozen_string_literal: true

# For bin/engine console.

ENV['RAILS_ENV'] = 'test' # the exporter is :memory

require_relative 'engine_app'
Bundler.require
require 'tasker/native/testing'

EngineApp.start
