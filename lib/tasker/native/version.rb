# frozen_string_literal: true

module Tasker
  module Native
    # Of the gem.
    VERSION = '0.1.0'
  end
end
