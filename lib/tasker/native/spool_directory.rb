# frozen_string_literal: true

require 'securerandom'

require_relative 'pipeline_options'
require_relative 'progress_bar'
require_relative 'table'

module Tasker
  module Native
    # The spool of an app, for people: what `rails tasker:telemetry:spool` and `tasker-native spool DIR` do.
    class SpoolDirectory
      # There is nothing to show; the message says what to do about it.
      class Unavailable < StandardError; end

      # A file of the spool.
      #
      # @!attribute [r] name
      #   @return [String]
      # @!attribute [r] created
      #   @return [Time]
      # @!attribute [r] bytes
      #   @return [Integer]
      # @!attribute [r] requests
      #   @return [Integer] that wait in it
      # @!attribute [r] spans
      #   @return [Integer] that wait in it
      # @!attribute [r] damaged
      #   @return [Integer] places that can't be read
      # @!attribute [r] owned
      #   @return [Boolean] whether a living process has it
      Segment = Struct.new(:name, :created, :bytes, :requests, :spans, :damaged, :owned, keyword_init: true)

      NAME = /\A\h{16}-\h{16}\.spool\z/
      PATIENCE = 30 # seconds without progress
      PROBE_SECONDS = 10
      private_constant :NAME, :PATIENCE, :PROBE_SECONDS

      # @return [String]
      attr_reader :path

      # @param settings [Settings]
      # @return [SpoolDirectory]
      # @raise [Unavailable] where the spool is off
      def self.of(settings)
        return new(File.expand_path(settings.spool_directory, PipelineOptions.root)) if settings.spool_directory

        raise Unavailable, 'The spool is off: set tel.spool_directory in config/initializers/tasker.rb.'
      end

      # @param path [String, Pathname]
      def initialize(path)
        @path = path.to_s
      end

      # @return [Boolean] whether it holds anything but a spool
      # @raise [Unavailable]
      def strange?
        names.size < entries.size
      end

      # Reads all that is there; may take a second for some hundreds of megabytes.
      #
      # @yieldparam bytes [Integer] read so far
      # @return [Array<Segment>] the oldest first
      # @raise [Unavailable] when there is no such directory, or it can't be read
      def segments
        bytes = 0
        names.filter_map do |name|
          segment = look(name) or next
          yield bytes += segment.bytes if block_given?
          segment
        end
      end

      # Shows what waits.
      #
      # @param io [IO]
      # @return [void]
      # @raise [Unavailable]
      def list(io: $stdout)
        found = read(io)
        io.puts Table.lines([HEAD, *found.map { |segment| row(segment) }]) if found.any?
        io.puts "#{total(found)} in #{path}"
      end

      # Shows what is damaged.
      #
      # @param io [IO]
      # @return [Boolean] whether all of it is intact
      # @raise [Unavailable]
      def verify(io: $stdout) # rubocop:disable Naming/PredicateMethod -- it acts, and tells how it went
        found = read(io)
        damaged = found.select { |segment| segment.damaged.positive? }
        damaged.each { |one| io.puts "#{one.name}: damaged in #{Table.count(one.damaged, 'place')}" }
        io.puts "#{total(found)}: #{damaged.empty? ? 'all intact' : 'the rest is intact, and will be delivered'}"
        damaged.empty?
      end

      # Delivers what no living process has.
      #
      # @param settings [Settings] where to
      # @param io [IO]
      # @return [Boolean] whether nothing is left
      # @raise [Unavailable] also when the collector can't be reached
      def drain(settings, io: $stdout)
        orphans, owned = segments.partition { |segment| !segment.owned }
        io.puts "#{total(owned)}: of living processes, which deliver them" if owned.any?
        waiting = orphans.sum(&:spans)
        return io.puts('Nothing waits.') || true if orphans.empty?

        start_delivery(settings)
        deliver(waiting, io)
      end

      private

      HEAD = %w[segment age size requests spans damaged owner].freeze
      private_constant :HEAD

      def names
        entries.grep(NAME).sort
      end

      def entries
        Dir.children(path)
      rescue SystemCallError => e
        raise Unavailable,
              "There is no spool that can be read: #{e.message}. Nothing was spooled yet, or it is elsewhere."
      end

      # nil: it has gone meanwhile, which is its owner's work.
      def look(name)
        found = Spool.look(path, name) or return
        Segment.new(name: name, **found, created: Time.at(found[:created]))
      rescue Errno::ENOENT
        nil
      rescue SystemCallError => e
        raise Unavailable, "#{e.message}. Run this as the app's user."
      end

      def read(io)
        all = names.sum { |name| File.size?(File.join(path, name)) || 0 }
        bar = ProgressBar.new(io, 'bytes', all) if io.respond_to?(:tty?) && io.tty? && all > 32 * 1024 * 1024
        found = segments { |bytes| bar&.show(bytes) }
        bar&.finish(all)
        found
      end

      def row(segment)
        [segment.name, Table.duration(Time.now - segment.created), Table.size(segment.bytes), segment.requests.to_s,
         segment.spans.to_s, segment.damaged.to_s, segment.owned ? 'a living process' : 'none: the next one takes it']
      end

      def total(segments)
        "#{Table.count(segments.size, 'segment')}, #{Table.size(segments.sum(&:bytes))}, " \
          "#{Table.count(segments.sum(&:requests), 'request')}, #{Table.count(segments.sum(&:spans), 'span')}"
      end

      def start_delivery(settings)
        options = PipelineOptions.new(settings, SecureRandom.uuid).to_h
        options = { **options, exporters: [:otlp], spool_directory: path }
        ask_collector(options)
        Pipeline.configure(options)
        Pipeline.start
      end

      def ask_collector(options)
        found = Collector.probe(options, [options[:otlp_timeout], PROBE_SECONDS].min)
        return if found[:status] && (200..299).cover?(found[:status])

        reason = found[:error] || "it answered #{found[:status]}"
        raise Unavailable, "The collector does not take anything: #{reason}. Nothing was drained. The doctor " \
                           '(rails tasker:telemetry:doctor, or tasker-native doctor) says more.'
      end

      def deliver(waiting, io)
        before = Pipeline.stats
        finished = watch(ProgressBar.new(io, 'spans', waiting), before)
        Pipeline.shutdown(1)
        tell(io, before, finished)
        finished
      end

      # Until all is delivered, or nothing has moved for long.
      def watch(bar, before)
        done = 0
        moved_at = now
        until (finished = finished?(now - moved_at)) || now > moved_at + PATIENCE
          sleep 0.05
          moved_at = now if done < (done = settled(before))
          bar.show(done)
        end
        bar.finish(settled(before))
        finished
      end

      # Files are looked into only when nothing has happened for a while.
      def finished?(idle_seconds)
        stats = Pipeline.stats
        return false unless stats[:spooled].zero? && stats[:in_flight].zero?

        names.empty? || (idle_seconds > 1 && segments.all?(&:owned))
      end

      # How many spans, since then.
      def settled(before)
        exported, dropped = since(before)
        exported + dropped.values.sum
      end

      def since(before)
        stats = Pipeline.stats
        [stats[:exported] - before[:exported],
         stats[:dropped].to_h { |reason, spans| [reason, spans - before[:dropped][reason]] }]
      end

      def now
        Process.clock_gettime(Process::CLOCK_MONOTONIC)
      end

      def tell(io, before, finished)
        exported, dropped = since(before)
        lost = dropped.select { |_, spans| spans.positive? }.map { |reason, spans| "#{spans} #{reason}" }
        io.puts "#{Table.count(exported, 'span')} delivered#{", lost: #{lost.join(', ')}" if lost.any?}"
        io.puts "#{total(segments)} left: the collector stopped to take them. Try again later." unless finished
      end
    end
  end
end
