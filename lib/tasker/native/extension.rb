# frozen_string_literal: true

require_relative 'tasker_native'

module Tasker
  # What the extension defines and nothing in Ruby adds to. Functions take all their arguments, by position: parsing
  # keywords in C costs more than most of these calls.
  #
  # @!method self.build_step_payload(step, event_type, error, context)
  #   @param step [Object] see {EventPayloadBuilder#build_step_payload}
  #   @param event_type [Symbol]
  #   @param error [Exception, String, nil] for :failed
  #   @param context [Hash] wins over what stands in the payload otherwise
  #   @return [Hash{Symbol=>Object}]
  #   @raise [TypeError] for an event_type that is no Symbol, or a context that is no Hash
  #   @api private
  # @!method self.configure_payload(filter, limits)
  #   How payloads become attributes, from now on; all remembered verdicts on keys are forgotten.
  #   @param filter [ParameterFilter]
  #   @param limits [Array(Integer, Integer, Integer, Integer, Boolean)] of a span: attributes, events, links, bytes of
  #     a value (0: no limit); and whether all attributes become Strings
  #   @return [nil]
  #   @api private
  # @!method self.configure_lines(shown, shown_from, format, environment, version)
  #   Lines of events in the log of the application, from now on.
  #   @param shown [Boolean] whether there are any
  #   @param shown_from [Integer] the lowest level that is shown, as Logger counts them
  #   @param format [Integer] 0: JSON, 1: pretty JSON, 2: logfmt
  #   @param environment [String]
  #   @param version [String]
  #   @return [nil]
  #   @raise [ArgumentError] for a level or a format that there is not
  #   @api private
  # @!method self.line_component(host)
  #   @param host [Object] who writes
  #   @return [String] what lines call its class: "fetch_cart" for OrderProcess::FetchCart
  #   @api private
  # @!method self.filter_counts
  #   @return [Hash{Symbol=>Integer}] {ParameterFilter#stats} of all filters that telemetry has had in this process
  #   @api private
  module Native
    # Two constants, which YARD does not find, in the order of the ids of system events: SYSTEM_EVENTS has the module
    # (of the constant below +Tasker+) and the name of each, EVENT_TABLE name, description, payload and publishers.

    # From finished spans to the collector: queue, native thread and exporters, of which a process has one. Spans enter
    # it from a {SpanManager}. Any thread may call any function; a forked process begins with an empty one.
    #
    # @!method self.configure(options)
    #   Replaces exporters and the settings of the queue. Waits, without the GVL, for a batch that is under way.
    #   @param options [Hash{Symbol=>Object}] what {PipelineOptions#to_h} gives, all of it
    #   @return [nil]
    #   @raise [KeyError, TypeError, ArgumentError, RangeError] for an option that is missing or can't be used
    #   @raise [Error] when an exporter could not be made
    # @!method self.flush(seconds)
    #   Releases the GVL while it waits.
    #   @param seconds [Numeric] how long at most
    #   @return [Boolean] true: what was accepted before the call is exported or dropped
    # @!method self.start
    #   The native thread begins, though no span has ended, for what lies in the spool.
    #   @return [nil]
    # @!method self.shutdown(seconds, grace = 2.0)
    #   Ends open step spans, flushes, and stops the native thread. Releases the GVL while it waits.
    #   @param seconds [Numeric] how long at most
    #   @param grace [Numeric] seconds more, for what is interrupted then, and goes to disk
    #   @return [Boolean] true when no span of this process was lost
    # @!method self.stats
    #   @return [Hash{Symbol=>Integer, Hash}] accepted, exported, in_flight, dropped (by reason), queued, queued_bytes,
    #     exporters (exported and dropped, by name)
    # @!method self.clear
    #   For tests: forgets open spans and accounts.
    #   @return [nil]
    # @!method self.take_memory
    #   @return [String, nil] what the exporter :memory has kept since the last time: OTLP JSON, a request a line; nil
    #     without that exporter
    # @!method self.next_log_line(seconds)
    #   Releases the GVL while it waits.
    #   @param seconds [Numeric] how long at most
    #   @return [Array(Symbol, String), nil] level (:info, :warn, :error) and text of what the native thread has to say
    # @!method self.pause(seconds)
    #   Before a fork: the native thread stops between two steps of its work, until {resume}.
    #   @param seconds [Numeric] how long to wait for it at most
    #   @return [nil]
    # @!method self.resume
    #   @return [nil]
    # @!method self.forks
    #   @return [Integer] how many forks lie between the first process and this one
    #
    # @api private
    module Pipeline; end

    # Whether a collector can be reached, for the {Doctor}.
    #
    # @!method self.probe(options, seconds)
    #   Exports no spans, as the exporter would, over a connection of its own. Waits without the GVL.
    #   @param options [Hash{Symbol=>Object}] what {PipelineOptions#to_h} gives
    #   @param seconds [Numeric] how long at most
    #   @return [Hash{Symbol=>Object}] status (Integer, or nil without an answer), error and address (String or nil);
    #     resolved, connected, secured, answered (Float: seconds since the beginning, 0.0 for what was not reached);
    #     date (Integer: the collector's clock, in seconds since 1970, or nil)
    #   @raise [KeyError, TypeError] for an option that is missing or can't be used
    #   @raise [Error] for an URL that is none
    # @!method self.libcurl
    #   @return [String] its version, and those of what it was built with
    # @api private
    module Collector; end

    # Files of a spool, for {SpoolDirectory}.
    #
    # @!method self.look(directory, name)
    #   Reads a segment and changes nothing. Without the GVL.
    #   @param directory [String]
    #   @param name [String]
    #   @return [Hash{Symbol=>Object}, nil] created (Float, seconds since 1970), bytes, requests, spans, damaged
    #     (Integer), owned (Boolean: a living process has it); nil for what is no segment
    #   @raise [SystemCallError]
    # @api private
    module Spool; end

    # The instruments of this process and their series; see {MetricsBackend}. Types are 1 for counters, 2 for gauges, 3
    # for histograms.
    #
    # @!method self.find(type, name, labels)
    #   @param type [Integer]
    #   @param name [String, Symbol]
    #   @param labels [Hash]
    #   @return [Counter, Gauge, Histogram, nil] nil: there is none yet, or it takes more to know
    # @!method self.declare(type, name, help, unit, bounds, combine)
    #   @param type [Integer]
    #   @param name [String]
    #   @param help [String]
    #   @param unit [String]
    #   @param bounds [Array<Float>, nil] rising, for a histogram; nil: those that it has
    #   @param combine [Integer] 0 sum, 1 min, 2 max, 3 latest
    #   @return [true]
    #   @raise [ArgumentError] for what collides with another instrument, or can't be one
    # @!method self.declared?(type, name)
    #   @param type [Integer]
    #   @param name [String, Symbol]
    #   @return [Boolean]
    # @!method self.create(name, labels)
    #   @param name [String] of an instrument that was declared
    #   @param labels [Hash] with texts as values
    #   @return [Counter, Gauge, Histogram]
    #   @raise [ArgumentError]
    # @!method self.configure(directory, limit, exponential, spans)
    #   @param directory [String] empty: this process alone
    #   @param limit [Integer] series of an instrument
    #   @param exponential [Boolean] whether histograms are counted exponentially, too, for {PeriodicReader}
    #   @param spans [Boolean] whether spans that end are measured
    #   @return [nil]
    # @!method self.open
    #   This process holds the directory from now on, as if it had recorded something.
    #   @return [nil]
    # @!method self.clear
    #   @return [Integer] how many series there were
    # @!method self.handles
    #   @return [Array<Counter, Gauge, Histogram>]
    # @!method self.stats
    #   @return [Hash{Symbol=>Object}] instruments, series, overflowed, damaged, shared
    # @!method self.take_remark
    #   @return [String, nil] what nobody has been told yet
    # @!method self.export(format, timestamp)
    #   Works without the GVL.
    #   @param format [Symbol] +:prometheus+, +:openmetrics+, +:json+ (without the bracket at its end) or +:csv+
    #   @param timestamp [String] for CSV
    #   @return [String] what all processes have recorded
    #   @raise [ArgumentError]
    # @!method self.read(directory, format, timestamp)
    #   What is in a directory; nothing is changed there.
    #   @param directory [String]
    #   @param format [Symbol] see {.export}
    #   @param timestamp [String]
    #   @return [String]
    #   @raise [SystemCallError]
    #   @raise [Error] for a file that can't be used
    # @api private
    module Metrics; end

    # Sends this process' metrics by OTLP, now and then, from a thread of its own that calls no Ruby. Any thread; a
    # forked process has none until it is configured there.
    #
    # @!method self.configure(options)
    #   Blocks, without the GVL, until a request that is under way was interrupted.
    #   @param options [Hash{Symbol=>Object}, nil] see {MetricsOptions#exporting}; nil: nothing is sent any more
    #   @return [nil]
    #   @raise [KeyError] for an option that is missing
    #   @raise [Error] for an URL that is none, or where there is no thread
    # @!method self.flush(seconds)
    #   @param seconds [Numeric]
    #   @return [Boolean] true: what was recorded was sent, or could not be; false: time ran out
    # @!method self.shutdown(seconds)
    #   Sends a last time, with one try, and stops.
    #   @param seconds [Numeric]
    #   @return [Boolean] see {.flush}
    # @!method self.stats
    #   @return [Hash{Symbol=>Integer, Boolean}] requests and points that were delivered, requests that failed, points
    #     that were rejected, running
    # @api private
    module PeriodicReader; end

    # Which spans of tasks and steps are open. Those that end go to the {Pipeline}. Ids may be anything; their +to_s+
    # counts. Any thread; a forked process begins without open spans.
    #
    # @!method initialize(trace_seed, max_open_spans, max_age)
    #   @param trace_seed [String] what ids of traces and roots are derived from
    #   @param max_open_spans [Integer] of tasks, and of steps
    #   @param max_age [Numeric] seconds after which an open span is given up
    # @!method configure(trace_seed, max_open_spans, max_age)
    #   For what begins from now on.
    #   @param (see #initialize)
    #   @return [nil]
    # @!method record(event_id, name, payload)
    #   As if the event had been published to this manager alone.
    #   @param event_id [Integer] see {Publisher#event_id}
    #   @param name [String]
    #   @param payload [Hash]
    #   @return [nil]
    # @!method finish_task(event_id, name, payload, status, attributes)
    #   Ends the root of the payload's task. One that was not opened here is as wide as the payload says.
    #   @param event_id [Integer]
    #   @param name [String]
    #   @param payload [Hash] which tells the task
    #   @param status [Integer] 0: unset, 1: ok, 2: error
    #   @param attributes [Hash] in the place of the payload's
    #   @return [nil]
    #   @raise [ArgumentError] for another status
    # @!method find(task_id, step_id)
    #   @param task_id [Object]
    #   @param step_id [Object, nil] nil: the task's root is meant, here and below
    #   @return [Array(String, String), nil] trace id and span id in hexadecimal; nil: no such span is open
    # @!method remove_task(task_id)
    #   Gives the task's root up.
    #   @param task_id [Object]
    #   @return [Boolean] whether it was open
    # @!method know_task(task_id, run, began, over)
    #   What was seen elsewhere of a task, for what is recorded of it from now on.
    #   @param task_id [Object]
    #   @param run [Integer] which run of the task it is, from 1 on; each has a root of its own
    #   @param began [Time, nil] nil: it begins now
    #   @param over [Boolean] whether its end was told: whoever tells it again is not heard
    #   @return [nil]
    #   @raise [ArgumentError] for a run before the first
    # @!method interrupt_step(task_id, step_id)
    #   The step's attempt was left without an end: its span ends now, with the event +tasker.span.interrupted+.
    #   @param task_id [Object]
    #   @param step_id [Object]
    #   @return [nil]
    # @!method add_event(task_id, step_id, name, attributes)
    #   @param task_id [Object]
    #   @param step_id [Object, nil]
    #   @param name [String]
    #   @param attributes [Hash] filtered; their names stay as they are
    #   @return [Boolean] whether such a span is open
    # @!method set_attributes(task_id, step_id, attributes)
    #   @param task_id [Object]
    #   @param step_id [Object, nil]
    #   @param attributes [Hash] filtered; their names stay as they are
    #   @return [Boolean] whether such a span is open
    # @!method stats
    #   @return [Hash{Symbol=>Integer}] open_tasks, open_steps, abandoned_roots
    #
    # @api private
    class SpanManager; end # rubocop:disable Lint/EmptyClass -- the extension has filled it
  end
end
