# frozen_string_literal: true

# Calls every function that the extension defines, in all wrong ways that came to mind, and at random.
require_relative '../../support/torture/child'

# Things to call functions with. Each is made anew for each call, so that nothing else refers to it.
module Things
  # Raises, lies, goes away, or comes back to the extension, wherever it is asked for anything.
  class Hostile
    QUESTIONS = %i[to_s to_str to_sym to_i to_int to_f to_r to_ary to_a to_hash to_h to_proc inspect iso8601 strftime
                   hash backtrace message name task_id utc? match? call coerce each size id inputs results
                   parents utc utc_offset loaded? association has_attribute? read_attribute].freeze

    QUESTIONS.each do |question|
      define_method(question) { |*| misbehave(question) }
    end

    def initialize(manner, victim = nil)
      @manner = manner
      @victim = victim
    end

    def ==(other)
      misbehave(:==) if @manner == :raises
      equal?(other)
    end

    def eql?(other)
      misbehave(:eql?)
      equal?(other)
    end

    private

    def misbehave(question)
      case @manner
      when :raises then raise ArgumentError, "no #{question}"
      when :overflows then misbehave(question)
      when :throws then throw :nowhere
      when :lies then [nil, self, :lie, 2**80, '', {}, [], 1.0][rand(8)]
      else send(@manner, question)
      end
    end

    def publishes(question)
      Tasker::Events::Publisher.instance.publish('step.completed', { step_id: 1, note: question.to_s })
      answer(question)
    end

    def collects(question)
      GC.start
      GC.respond_to?(:compact) && GC.compact
      answer(question)
    end

    def mutates(question)
      case @victim
      when String then @victim.replace('other')
      when Array then @victim.size > 1 ? @victim.map! { 1 } : @victim.clear
      when Hash then @victim.transform_values! { 1 }
      end
      Array.new(100) { 'x' * 200 } # over what was freed
      answer(question)
    end

    def answer(question)
      case question
      when :to_i, :to_int, :hash, :size then 1
      when :to_f then 0.5
      when :to_ary, :to_a, :backtrace, :parents then %w[a b]
      when :to_hash, :to_h, :inputs, :results then { a: 1 }
      when :utc?, :match? then true
      when :to_sym then :to_sym
      else "answer #{question}"
      end
    end
  end

  MANNERS = %i[raises overflows publishes collects mutates throws lies].freeze

  MAKERS = [
    -> {}, -> { true }, -> { false }, -> { 0 }, -> { -1 }, -> { 1 }, -> { (2**31) + rand(2) }, -> { 2**32 },
    -> { (2**62) + 1 }, -> { 2**64 }, -> { -(2**64) }, -> { 2**5000 }, -> { 0.0 }, -> { -1.5 }, -> { Float::NAN },
    -> { Float::INFINITY }, -> { 1e308 }, -> { 2**-40 }, -> { Rational(1, 3) }, -> { Complex(1, 2) },
    -> { +'' }, -> { +'step.completed' }, -> { 'x' * 256 }, -> { 'y' * 100_000 }, -> { +"\xFF\xFE" },
    -> { +"nul\0nul" }, -> { 'wide'.encode('UTF-16LE') }, -> { 'ä'.encode('ISO-8859-1') },
    -> { (+"\xD8\0").force_encoding('UTF-16BE') }, -> { 'frozen' },
    -> { :symbol }, -> { :"dynamic #{rand(1000)}" }, -> { :ä },
    -> { [] }, -> { [nil] }, -> { Array.new(200) { |i| i } }, -> { [].tap { |array| array << array } },
    -> { {} }, -> { { task_id: 1, step_id: 2 } }, -> { {}.tap { |hash| hash[:self] = hash } },
    -> { Hash.new { |hash, key| hash[key] = key } }, -> { { nil => nil, [1] => 1, 1.5 => 2, 'a' => :b } },
    -> { 150.times.inject({}) { |inner, _| { a: inner } } }, -> { { a: 1 }.freeze },
    -> { { a: 1 }.compare_by_identity },
    -> { Object.new }, -> { BasicObject.new }, -> { Class.new.new }, -> { Class.new },
    -> { Struct.new(:name, :task_id).new('n', 1) }, -> { proc { |*| 1 } }, -> { 1.method(:+) },
    -> { Time.at(0) }, -> { Time.at(2**60) }, -> { 1..2 }, -> { /x/ }, -> { $stderr }, -> { Thread.current },
    -> { Mutex.new }, -> { Exception.new('e') }, -> { StandardError.allocate }, -> { ObjectSpace::WeakMap.new },
    -> { Tasker::Native::SpanManager.allocate }, -> { Tasker::Native::SpanManager.new('s', 10, 1.0) },
    -> { Tasker::Native::Publisher.new }, -> { Tasker::Native::Publisher.allocate },
    -> { Tasker::Native::Event.allocate }, -> { Tasker::Native::ParameterFilter.allocate },
    -> { Tasker::Native::ParameterFilter.new([:a, proc { |_, value| value }]) },
    *MANNERS.map { |manner| -> { Hostile.new(manner) } },
    *MANNERS.map { |manner| -> { ActiveSupport::TimeWithZone.new(manner) } }
  ].freeze

  def self.any
    MAKERS[Child::RANDOM.rand(MAKERS.size)].call
  end
end

# The extension knows a time of ActiveSupport by the name of its class.
module ActiveSupport
  class TimeWithZone < Things::Hostile; end
end

# What the extension defines, by reflection, and how it is called well.
module Exported
  NATIVE = Tasker::Native
  MODULES = [NATIVE, NATIVE::Pipeline, NATIVE::Collector, NATIVE::Spool, NATIVE::Metrics,
             NATIVE::PeriodicReader].freeze
  CLASSES = [NATIVE::Publisher, NATIVE::SpanManager, NATIVE::ParameterFilter, NATIVE::Counter, NATIVE::Gauge,
             NATIVE::Histogram].freeze

  # A call: the receiver is made by the block.
  Function = Struct.new(:owner, :name, :arity, :receivers) do
    def to_s
      "#{owner}#{'#' if owner.is_a?(Class)}#{name}"
    end

    # Good arguments, new ones; nil for a function that takes none.
    def good_arguments
      GOOD[[owner, name]]&.call
    end
  end

  def self.native?(method)
    method.source_location.nil?
  end

  def self.functions
    of_modules + of_classes
  end

  def self.of_modules
    MODULES.flat_map do |owner|
      owner.singleton_methods(false).map { |name| owner.method(name) }.select { |method| native?(method) }
           .map { |method| Function.new(owner, method.name, method.arity, [-> { owner }]) }
    end
  end

  def self.of_classes
    CLASSES.flat_map do |owner|
      names = owner.instance_methods(false) + owner.private_instance_methods(false)
      names.map { |name| owner.instance_method(name) }.select { |method| native?(method) }
           .map { |method| Function.new(owner, method.name, method.arity, RECEIVERS.fetch(owner)) }
    end
  end

  RECEIVERS = {
    NATIVE::Publisher => [
      -> { new_publisher }, -> { new_publisher.freeze }, -> { new_publisher.dup }, -> { new_publisher.clone },
      -> { NATIVE::Publisher.allocate }, -> { Class.new(NATIVE::Publisher).new }
    ],
    NATIVE::SpanManager => [
      -> { new_manager }, -> { new_manager.freeze }, -> { new_manager.dup }, -> { new_manager.clone },
      -> { NATIVE::SpanManager.allocate }, -> { Class.new(NATIVE::SpanManager).new('s', 10, 1.0) }
    ],
    NATIVE::ParameterFilter => [
      -> { new_filter }, -> { new_filter.freeze }, -> { new_filter.dup }, -> { NATIVE::ParameterFilter.allocate },
      -> { NATIVE::ParameterFilter.new([proc { |_, value| value.replace('x') }], value_scanners: [/x/]) }
    ],
    NATIVE::Counter => [-> { new_handle(1) }, -> { new_handle(1).freeze }, -> { forgotten_handle(1) }],
    NATIVE::Gauge => [-> { new_handle(2) }, -> { forgotten_handle(2) }],
    NATIVE::Histogram => [-> { new_handle(3) }, -> { forgotten_handle(3) }]
  }.freeze

  def self.new_publisher
    NATIVE::Publisher.new.tap do |publisher|
      publisher.register_event('torture.event')
      publisher.trace_with(new_manager, false)
      publisher.subscribe('step.completed') { |event| event.payload[:step_id] }
    end
  end

  def self.new_filter
    filters = [+'passw' * 20, +'card.token' * 20, /secret/, /a\.secret/]
    NATIVE::ParameterFilter.new(filters, mask: '[FILTERED]' * 10, filter_values: true)
  end

  def self.new_handle(type)
    name = "torture_#{type}_#{rand(20)}"
    NATIVE::Metrics.declare(type, name, 'help' * 20, 'unit' * 10, type == 3 ? [0.5, 1.0] : nil, 0)
    NATIVE::Metrics.create(name, { label: rand(50).to_s * 50 })
  end

  def self.forgotten_handle(type)
    new_handle(type).tap { NATIVE::Metrics.clear }
  end

  def self.new_manager
    manager = NATIVE::SpanManager.new('seed', 100, 60.0)
    manager.record(0, 'task.start_requested', { task_id: 1 })
    manager
  end

  # Strings that are long enough to live outside of their objects.
  def self.pipeline_options
    { exporters: %i[memory otlp file], version: '1' * 100, attribute_limit: 128, prefix: 'tasker' * 20,
      resource: { 'service.name' => 'x' }, otlp_url: "http://127.0.0.1:1/v1/traces#{'/' * 100}",
      otlp_headers: "a: #{'b' * 100}", otlp_gzip: true, otlp_timeout: 0.01, user_agent: 'torture' * 10,
      otlp_certificate: '', otlp_client_certificate: '', otlp_client_key: '',
      spool_directory: "#{Dir.pwd}/spool", spool_max_bytes: 100_000, spool_max_age: 60.0,
      trace_file: "#{'.' * 30}traces.jsonl", trace_file_max_size: 1000, max_queue_size: 10,
      max_queue_bytes: 10_000, max_export_batch_size: 5, schedule_delay: 0.01 }
  end

  def self.reader_options
    { version: '1' * 100, resource: { 'service.name' => 'x' }, otlp_url: "http://127.0.0.1:1/v1/metrics#{'/' * 100}",
      otlp_headers: "a: #{'b' * 100}", otlp_gzip: true, otlp_timeout: 0.01, user_agent: 'torture' * 10,
      otlp_certificate: '', otlp_client_certificate: '', otlp_client_key: '', interval: 0.01, delta: rand(2).zero? }
  end

  STEP = Struct.new(:workflow_step_id, :name, :task_id, :attempts, :inputs, :results, :parents, :status, :task,
                    keyword_init: true)

  def self.step
    STEP.new(workflow_step_id: 2, name: 'step', task_id: 1, attempts: 1, inputs: { a: [1] }, results: { b: 2 },
             parents: [], status: Things.any, task: STEP.new(name: Things.any))
  end

  PAYLOAD = -> { { task_id: 1, step_id: 2, nested: { password: 'x', list: [1, nil, 2.5] }, at: Time.now } }

  GOOD = {
    [NATIVE, :configure_payload] => -> { [new_filter, [128, 128, 128, 65_536, false]] },
    [NATIVE, :configure_lines] => -> { [true, rand(5), rand(3), +'environment' * 5, +'version' * 5] },
    [NATIVE, :line_component] => -> { [step] },
    [NATIVE, :filter_counts] => -> { [] },
    [NATIVE, :build_step_payload] => -> { [step, :failed, StandardError.new('x'), { a: 1 }] },
    [NATIVE::Pipeline, :configure] => -> { [pipeline_options] },
    [NATIVE::Pipeline, :flush] => -> { [0.01] },
    [NATIVE::Pipeline, :shutdown] => -> { [0.01, 0.01] },
    [NATIVE::Collector, :probe] => -> { [pipeline_options, 0.01] },
    [NATIVE::Spool, :look] => -> { ["#{Dir.pwd}/spool", '18ebbe38b73ccf7a-0f70f47632cddde4.spool'] },
    [NATIVE::Pipeline, :next_log_line] => -> { [0.001] },
    [NATIVE::Pipeline, :pause] => -> { [0.001] },
    [NATIVE::Metrics, :find] => -> { [rand(1..3), +'torture_1_5', { label: +'x' * 50 }] },
    [NATIVE::Metrics, :declared?] => -> { [1, +'torture_1_5'] },
    [NATIVE::Metrics, :declare] => lambda do
      [rand(1..3), "torture_x_#{rand(50)}", +'help' * 20, +'unit' * 10, [0.5, 1.0], rand(4)]
    end,
    [NATIVE::Metrics, :create] => -> { new_handle(1) && [+'torture_1_5' * 1, { label: +'x' * 50 }] },
    [NATIVE::Metrics, :configure] => -> { ["#{Dir.pwd}/metrics#{rand(3)}", rand(1..50), rand(2).zero?, true] },
    [NATIVE::Metrics, :export] => -> { [%i[prometheus openmetrics json csv].sample, +'2026' * 10] },
    [NATIVE::Metrics, :read] => -> { ["#{Dir.pwd}/metrics#{rand(3)}", :prometheus, +'2026' * 10] },
    [NATIVE::PeriodicReader, :configure] => -> { [reader_options] },
    [NATIVE::PeriodicReader, :flush] => -> { [0.01] },
    [NATIVE::PeriodicReader, :shutdown] => -> { [0.01] },
    [NATIVE::Counter, :increment] => -> { [5] },
    [NATIVE::Gauge, :set] => -> { [5.5] },
    [NATIVE::Gauge, :increment] => -> { [2**70] },
    [NATIVE::Gauge, :decrement] => -> { [1r / 3] },
    [NATIVE::Histogram, :observe] => -> { [0.75] },
    [NATIVE::SpanManager, :initialize] => -> { ['seed' * 50, 100, 60.0] },
    [NATIVE::SpanManager, :configure] => -> { ['seed' * 50, 100, 60.0] },
    [NATIVE::SpanManager, :record] => -> { [rand(60), 'step.completed' * 10, PAYLOAD.call] },
    [NATIVE::SpanManager, :finish_task] => -> { [rand(60), 'task.completed' * 10, PAYLOAD.call, 1, { a: 1 }] },
    [NATIVE::SpanManager, :find] => -> { [1, nil] },
    [NATIVE::SpanManager, :remove_task] => -> { [1] },
    [NATIVE::SpanManager, :know_task] => -> { [rand(3), rand(1..3), Time.now - 1, rand(4).zero?] },
    [NATIVE::SpanManager, :interrupt_step] => -> { [1, 2] },
    [NATIVE::SpanManager, :add_event] => -> { [1, nil, 'event' * 20, PAYLOAD.call] },
    [NATIVE::SpanManager, :set_attributes] => -> { [1, nil, PAYLOAD.call] },
    [NATIVE::Publisher, :add_event] => -> { ["torture.#{rand(50)}"] },
    [NATIVE::Publisher, :registered?] => -> { ['torture.event'] },
    [NATIVE::Publisher, :event_id] => -> { ['torture.event'] },
    [NATIVE::Publisher, :add_listener] => -> { ['torture.event', proc { |event| event }] },
    [NATIVE::Publisher, :remove_listener] => -> { [proc {}] },
    [NATIVE::Publisher, :listeners] => -> { ['step.completed'] },
    [NATIVE::Publisher, :trace_with] => -> { [new_manager, false] },
    [NATIVE::Publisher, :publish] => -> { ['step.completed', PAYLOAD.call] },
    [NATIVE::Publisher, :publish_by] => -> { [Object.new, 'step.completed', PAYLOAD.call, step] },
    [NATIVE::Publisher, :publish_step] => lambda do
      [Object.new, 'step.failed', :failed, step, StandardError.new('x'), { a: 1 }]
    end,
    [NATIVE::Publisher, :ask_for_time] => -> { [true] },
    [NATIVE::Publisher, :shows_line?] => -> { ['step.completed'] },
    [NATIVE::Publisher, :wanted?] => -> { ['step.completed'] },
    [NATIVE::ParameterFilter, :compile] => lambda do
      [[+'passw' * 20, +'card.token' * 20], [/secret/], [/a\.secret/], false, true, [proc { |_, value| value }],
       +'[FILTERED]' * 10, +'[FILTERED]' * 10, 511, { 'order_number' => true }, [proc { |text| text }]]
    end,
    [NATIVE::ParameterFilter, :filter] => -> { [PAYLOAD.call] },
    [NATIVE::ParameterFilter, :filter_param] => -> { [+'key', PAYLOAD.call] },
    [NATIVE::ParameterFilter, :masks?] => -> { [+'password'] },
    [NATIVE::ParameterFilter, :clean] => -> { [+'paid with 4111 1111 1111 1111'] },
    [NATIVE::ParameterFilter, :json] => -> { [PAYLOAD.call] }
  }.freeze
end

# Makes the calls.
class Caller
  attr_reader :calls, :raised

  def initialize
    @calls = @raised = 0
  end

  # What is raised is fine; what takes long is stopped, which is one more thing to survive.
  def call(function, receiver, arguments)
    @calls += 1
    log(function, arguments)
    Timeout.timeout(0.5) { catch(:nowhere) { receiver.__send__(function.name, *arguments) } }
  rescue *Child::ERRORS
    @raised += 1
  end

  def systematically(function)
    good = function.good_arguments or return
    function.receivers.each do |maker|
      call(function, maker.call, function.good_arguments)
      good.each_index { |position| each_thing_at(function, maker, position) }
    end
    each_member_of_hashes(function, good)
  end

  def at_random(function, times)
    times.times do
      maker = function.receivers[Child::RANDOM.rand(function.receivers.size)]
      arguments = arguments_for(function)
      under_stress = Child::RANDOM.rand(50).zero?
      with_stress(under_stress) { call(function, maker.call, arguments) }
    end
  end

  def without_arguments_and_with_many(function)
    [0, 1, 2, 3, 4, 5, 6, 7, 20].each { |count| call(function, function.receivers.first.call, Array.new(count)) }
  end

  private

  # TORTURE_LOG=FILE: each call before it is made, to see which one crashed.
  def log(function, arguments)
    return unless (file = ENV.fetch('TORTURE_LOG', nil))

    @log ||= File.open(file, 'w')
    classes = arguments.map { |argument| Kernel.instance_method(:class).bind_call(argument) }
    @log.syswrite("#{function}(#{classes.join(', ')})\n")
  end

  def each_thing_at(function, maker, position)
    Things::MAKERS.each do |thing|
      arguments = function.good_arguments
      arguments[position] = thing.call
      call(function, maker.call, arguments)
    end
    Things::MANNERS.each { |manner| victimise(function, maker, position, manner) }
  end

  # A hostile argument that changes the others while it is asked.
  def victimise(function, maker, position, manner)
    function.good_arguments.each_index do |victim|
      arguments = function.good_arguments
      arguments[victim] = arguments[victim].dup
      arguments[position] = Things::Hostile.new(manner, arguments[victim]) unless victim == position
      call(function, maker.call, arguments)
    end
  end

  # Options by name, and lists: every member wrong in every way.
  def each_member_of_hashes(function, good)
    good.each_index do |position|
      keys = case (container = good[position])
             when Hash then container.keys
             when Array then container.each_index.to_a
             else next
             end
      keys.product(Things::MAKERS) do |key, thing|
        arguments = function.good_arguments
        arguments[position][key] = thing.call
        call(function, function.receivers.first.call, arguments)
      end
      each_mutation_of(function, position, keys)
    end
  end

  # One member is asked for something and changes another one meanwhile.
  def each_mutation_of(function, position, keys)
    keys.product(keys) do |asked, changed|
      arguments = function.good_arguments
      container = arguments[position]
      [container[changed], container, *arguments].each do |victim|
        next unless victim.is_a?(String) || victim.is_a?(Array) || victim.is_a?(Hash)

        container[asked] = Things::Hostile.new(:mutates, victim)
        call(function, function.receivers.first.call, arguments)
      end
    end
  end

  def arguments_for(function)
    good = function.good_arguments if Child::RANDOM.rand(3).positive?
    return Array.new(function.arity.negative? ? Child::RANDOM.rand(4) : function.arity) { Things.any } unless good

    good.map { |argument| Child::RANDOM.rand(3).zero? ? Things.any : argument }
  end

  def with_stress(stress)
    GC.stress = stress
    yield
  ensure
    GC.stress = false
  end
end

Dir.chdir(Dir.mktmpdir)
Child.configure
functions = Exported.functions
unknown = Exported::GOOD.keys - functions.map { |function| [function.owner, function.name] }
Child.check(unknown.empty?, "these are functions of the extension: #{unknown}")
untold = functions.reject { |function| function.arity.zero? || function.good_arguments }
Child.check(untold.empty?, "there are good arguments for #{untold.join(', ')}")
calls = Caller.new
functions.each do |function|
  calls.without_arguments_and_with_many(function)
  calls.systematically(function)
  calls.at_random(function, Child.amount(100))
  Child.settle
end
Exported::CLASSES.each do |klass|
  dump = "\x04\bo:#{[klass.name.size + 5].pack('c')}#{klass.name}\0"
  [-> { Marshal.dump(klass.allocate) },
   -> { Marshal.load(dump) }, # rubocop:disable Security/MarshalLoad -- of our own
   -> { klass.allocate.dup.inspect },
   -> { klass.allocate.clone(freeze: true).stats },
   -> { klass.allocate.send(:initialize_copy, klass.allocate) },
   -> { klass.allocate.send(:initialize_copy, 1) }].each do |attempt|
    attempt.call
  rescue *Child::ERRORS
    nil
  end
end
Child.done("#{functions.size} functions, #{calls.calls} calls, #{calls.raised} of them raised")
