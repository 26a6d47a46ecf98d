# frozen_string_literal: true

require_relative 'meter'

# All methods by which tasker-engine publishes events and writes structured lines, those of tasker-native included.
# They can be replaced by methods that do nothing, and by such that take the time.
class PublishingMethods
  TIMED = :bench_publishing_is_timed

  def initialize
    @patches = methods.map do |owner, names|
      Module.new.tap { |patch| owner.prepend(patch) }.then { |patch| [patch, names] }
    end
  end

  # They do nothing while the block runs.
  def silent(&)
    replaced(->(patch, name) { patch.define_method(name) { |*, **| nil } }, &)
  end

  # => nanoseconds of CPU that the threads were in them while the block ran
  def timed(&)
    total = 0
    lock = Mutex.new
    add = ->(time) { lock.synchronize { total += time } }
    replaced(->(patch, name) { define_timed(patch, name, add) }, &)
    total
  end

  private

  # [[owner, names], ...]
  def methods
    concern = Tasker::Concerns::EventPublisher
    machines = [Tasker::StateMachine::StepStateMachine, Tasker::StateMachine::TaskStateMachine]
    publishers = [Tasker::Events::Publisher]
    publishers << Tasker::Native::Publisher if defined?(Tasker::Native::Publisher)
    [[concern, (concern.instance_methods(false) + concern.private_instance_methods(false)).grep(/\Apublish_/)],
     [Tasker::Concerns::StructuredLogging, Tasker::Concerns::StructuredLogging.instance_methods(false).grep(/\Alog_/)],
     *machines.map { |machine| [machine.singleton_class, [:safe_fire_event]] },
     *publishers.map { |publisher| [publisher, [:publish]] }]
  end

  def replaced(define)
    @patches.each { |patch, names| names.each { |name| define.call(patch, name) } }
    yield
  ensure
    @patches.each { |patch, names| names.each { |name| patch.remove_method(name) } }
  end

  # Where one calls another, the time is that of the outer one.
  def define_timed(patch, name, add)
    patch.define_method(name) do |*arguments, **keywords, &block|
      next super(*arguments, **keywords, &block) if Thread.current[TIMED]

      Thread.current[TIMED] = true
      began = Meter.now(:thread)
      begin
        super(*arguments, **keywords, &block)
      ensure
        add.call(Meter.now(:thread) - began)
        Thread.current[TIMED] = false
      end
    end
  end
end
