# frozen_string_literal: true

engine = -> { Gem.loaded_specs.key?('tasker-engine') }
microseconds = 1e3
milliseconds = 1e6
queries = Column.new(:queries, 'queries')
event = [Column.new(:thread, 'thread us', compared: true, scale: microseconds),
         Column.new(:process, 'process us', compared: true, scale: microseconds), Columns::OBJECTS, queries]

{ 'hidden' => ['a hidden line', 20], 'shown' => ["its line in Rails' log", 10] }.each do |line, (what, times)|
  Comparisons.define "engine/#{line}", "publish_step_completed(step) under tasker-engine, with #{what}" do
    ours = subject "engine/#{line}_native"
    alone = subject "engine/#{line}_alone"
    show(*event)
    needs('the gems of bin/engine', gems: :engine, &engine)

    target('thread, tasker-engine alone beside ours', '>=', times) { |got| got.ratio(alone, ours, :thread) }
    target('queries', '<=', 0) { |got| got[ours, :queries] }
  end
end

Comparisons.define 'engine/task', 'publish_task_completed(task) under tasker-engine, with its line' do
  ours = subject 'engine/task_native'
  subject 'engine/task_alone'
  show(*event)
  needs('the gems of bin/engine', gems: :engine, &engine)

  target('queries', '<=', 1) { |got| got[ours, :queries] }
end

{ 'in_turn' => 'one after the other', 'at_once' => 'all at once' }.each do |order, what|
  Comparisons.define "engine/#{order}", "a workflow of five empty steps, #{what}" do
    ours = subject "engine/#{order}_native"
    alone = subject "engine/#{order}_alone"
    show Column.new(:telemetry, 'publishing ms', compared: true, scale: milliseconds),
         Column.new(:share, 'of the CPU %'), Column.new(:share_of_time, 'of the time %'),
         Column.new(:inside, 'by clocks ms', scale: milliseconds),
         Column.new(:telemetry_objects, 'objects', compared: true), Column.new(:telemetry_queries, 'queries'),
         Column.new(:process, 'whole ms', scale: milliseconds), Column.new(:objects, 'whole objects'),
         Column.new(:queries, 'whole queries'), Columns::MEMORY
    needs('the gems of bin/engine', gems: :engine, &engine)

    target('publishing, tasker-engine alone beside ours', '>=', 10) { |got| got.ratio(alone, ours, :telemetry) }
    target('its share of the time', '>=', 10) { |got| got.ratio(alone, ours, :share_of_time) }
    target('its share of the CPU', '>=', 10) { |got| got.ratio(alone, ours, :share) }
    target('its objects', '>=', 10) do |got|
      got.ratio(alone, ours, :telemetry_objects)
    end
  end
end
