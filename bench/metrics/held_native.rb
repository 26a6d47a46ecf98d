# frozen_string_literal: true

require_relative '../support/native_metrics'

Subject.run(NativeMetrics.new('held'))
