# frozen_string_literal: true

require_relative '../support/four_threads'
require_relative '../support/native_metrics'

# By ours, from four threads at once.
class ThreadsNative < NativeMetrics
  include FourThreads
end

Subject.run(ThreadsNative.new('labels'))
