# frozen_string_literal: true

require_relative 'meter'

# A whole workflow of five empty steps, from its creation to its end, with publishing and without: in turn, in the same
# process. After each change one workflow more is run that does not count, for Ruby looks all methods up again then.
module EngineWorkflow
  GROUP = 2
  STEPS = 5
  ROOT = 'tasker.task.execution'
  STEP = 'tasker.step.execution'

  # workflow: see FiveSteps
  def initialize(workflow, **options)
    super(iterations: 24, burst: GROUP, **options)
    @workflow = workflow
    @silent = 0
  end

  def publish(first, last)
    (first...last).each { |number| FiveSteps.run(@workflow, number) }
  end

  # Ends in another order where steps run at once.
  def facts
    super
    {}
  end

  def measure
    warm_up
    resident = Memory.resident
    pairs = Array.new(iterations.fdiv(GROUP).ceil) { measure_pair }
    memory = Memory.resident.to_i - resident.to_i
    inside = @publishing.timed { run(iterations) } / iterations
    { iterations: pairs.size * GROUP, figures: { **compare(pairs), inside: inside, memory: memory },
      counts: check({ published: @published, **counts }), traffic: traffic }
  end

  # Roots and steps of all workflows; what was exported and did not arrive is as good as dropped.
  def counts
    own = super
    { roots: @names[ROOT], steps: @names[STEP] / (STEPS * self.class::EXECUTIONS),
      dropped: own[:dropped] + own[:exported] - own[:received] }
  end

  private

  def warm_up
    super
    @silent_queries = Queries.count { @publishing.silent { run_silent } }
  end

  # [figures with publishing, figures without]
  def measure_pair
    run(1)
    with = metered { run(GROUP) }
    without = @publishing.silent do
      run_silent
      metered { GROUP.times { run_silent } }
    end
    [with, without]
  end

  def metered(&)
    GC.start
    figures = Meter.new.tap { |meter| meter.process(&) }.figures(GROUP)
    { **figures, elapsed: 1e9 / figures[:rate] }
  end

  def run_silent
    FiveSteps.run(@workflow, @silent -= 1)
  end

  # Medians: what disturbs a group is left out.
  def compare(pairs)
    whole = ->(figure) { Figures.median(pairs.map { |with, _| with[figure] }) }
    telemetry = ->(figure) { Figures.median(pairs.map { |with, without| with[figure] - without[figure] }) }
    { process: whole.call(:process), telemetry: telemetry.call(:process),
      share: 100 * telemetry.call(:process) / whole.call(:process),
      share_of_time: 100 * telemetry.call(:elapsed) / whole.call(:elapsed),
      objects: whole.call(:objects), telemetry_objects: telemetry.call(:objects),
      queries: @queries, telemetry_queries: @queries - @silent_queries }
  end
end
