# frozen_string_literal: true

require_relative 'runtime_metrics/pools'
require_relative 'runtime_metrics/process_numbers'
require_relative 'runtime_metrics/ruby_numbers'

module Tasker
  module Native
    # The numbers of the process itself, of Ruby, and of ActiveRecord's pools as metrics, where +runtime_metrics+ is
    # true.
    #
    # Nobody can read them for another process, and a scrape asks one process only. So each records its own, every
    # INTERVAL seconds by a thread, and whoever exports reads its own anew. A process that is younger than that and has
    # recorded nothing has none: a task that merely prints metrics becomes no process of the app by it.
    #
    # @api private
    class RuntimeMetrics
      # Seconds. Prometheus scrapes every 15 or more.
      INTERVAL = 5

      # Names as Prometheus' client libraries have them, and those of prometheus_exporter where they have none: a help
      # text each, and for gauges what several processes make together.
      COUNTERS = {
        process_cpu_seconds_total: 'CPU time of all processes, user and system.',
        ruby_major_gc_ops_total: 'Major garbage collections.',
        ruby_minor_gc_ops_total: 'Minor garbage collections.',
        ruby_gc_seconds_total: 'Time that garbage collection took.',
        ruby_allocated_objects_total: 'Objects that were made.'
      }.freeze
      # @see COUNTERS
      GAUGES = {
        ruby_processes: ['Processes of the app.', :sum],
        process_resident_memory_bytes: ['Resident memory of all processes; what they share is counted in each.', :sum],
        process_virtual_memory_bytes: ['Virtual memory of all processes.', :sum],
        process_open_fds: ['Open file descriptors, of the process that has most.', :max],
        process_max_fds: ['File descriptors that a process may have, the least of all.', :min],
        process_start_time_seconds: ['When the oldest process began, since the epoch.', :min],
        ruby_threads: ['Threads of all processes.', :sum],
        ruby_heap_live_slots: ['Slots of the heap that hold an object.', :sum],
        ruby_heap_free_slots: ['Slots of the heap that hold none.', :sum],
        active_record_connection_pool_size: ['Connections that the pools may have.', :sum],
        active_record_connection_pool_connections: ['Connections that the pools have.', :sum],
        active_record_connection_pool_busy: ['Connections that a thread uses.', :sum],
        active_record_connection_pool_idle: ['Connections that nobody uses.', :sum],
        active_record_connection_pool_dead: ['Connections of threads that have ended.', :sum],
        active_record_connection_pool_waiting: ['Threads that wait for a connection.', :sum]
      }.freeze

      def initialize
        begin_anew({})
      end

      # Records from now on, or no longer.
      #
      # @param settings [Settings]
      # @return [void]
      def follow(settings)
        @wanted = settings.enabled && settings.metrics_enabled && settings.runtime_metrics
        @wanted ? start : stop
      end

      # Records what is true now, for who exports it.
      #
      # @return [void]
      def refresh
        Native.start if Native.runtime.settings.runtime_metrics
        record if @wanted
      end

      # The process ends: what it has used stays.
      #
      # @return [void]
      def finish
        guarded { count } if @wanted && (@recorded || Metrics.handles.any?)
      end

      # In the child. What its parent has counted is the parent's, and so is its thread.
      #
      # @return [void]
      def after_fork
        begin_anew(RuntimeMetrics.counters)
        start if @wanted
      end

      # @return [Hash{Symbol=>Numeric}] of this process, since it began
      def self.counters
        ProcessNumbers.counters.merge(RubyNumbers.counters)
      end

      private

      def begin_anew(counted)
        @lock = Mutex.new # the parent's may be held by a thread that is not here
        @counted = counted
        @pools = []
        @thread = nil
        @recorded = false
      end

      def start
        return if @thread&.alive?

        @thread = Thread.new do
          loop do
            sleep INTERVAL
            record
          end
        end
        @thread.name = 'tasker-native runtime metrics'
        @thread.thread_variable_set(:fork_safe, true) # Puma would warn of it
      end

      def stop
        @thread&.kill
        @thread = nil
      end

      def record
        guarded do
          @recorded = true
          count
          measure
        end
      end

      def guarded(&)
        @lock.synchronize(&)
      rescue ThreadError
        nil # in a trap handler, where nothing can be locked
      rescue StandardError => e
        warn_once(e)
      end

      def warn_once(error)
        return if @warned

        @warned = true
        reason = "#{error.class}: #{Native.runtime.shown_message(error)}"
        Native.logger.warn("tasker-native: numbers of this process could not be read: #{reason}. " \
                           'Next: tel.runtime_metrics = false, if they are not to be had here.')
      rescue StandardError
        nil # a logger that raises must not end the thread
      end

      # Made when it is needed: an app that is still booting has no time zone.
      def metrics
        @metrics ||= MetricsBackend.new.tap do |metrics|
          COUNTERS.each { |name, help| metrics.describe(name, help: help) }
          GAUGES.each { |name, (help, combine)| metrics.describe(name, help: help, combine: combine) }
        end
      end

      def count
        RuntimeMetrics.counters.each do |name, value|
          metrics.counter(name).increment([value - @counted.fetch(name, 0), 0].max)
          @counted[name] = value
        end
      end

      def measure
        { ruby_processes: 1, **ProcessNumbers.gauges, **RubyNumbers.gauges }.each do |name, value|
          metrics.gauge(name).set(value)
        end
        found = Pools.gauges
        (@pools - found.keys).each { |gone| found[gone] = Pools::NONE }
        found.each do |labels, gauges|
          gauges.each { |name, value| metrics.gauge(name, **labels).set(value) }
        end
        @pools = found.keys
      end
    end
  end
end
