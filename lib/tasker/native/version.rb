# frozen_string_literal: true

module Tasker
  module Native
    VERSION = '0.1.0'
  end
end
