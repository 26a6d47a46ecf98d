# frozen_string_literal: true

require_relative '../testing'
require_relative 'matchers'
