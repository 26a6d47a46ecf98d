# frozen_string_literal: true

require_relative 'number'
require_relative 'plot'

# Bars in groups, each with its value on top.
class BarPlot < Plot
  LOGARITHMIC = 30 # times, from where on the smallest bar would not be seen otherwise

  # groups: { 'span/small' => { 'tasker-native' => 420.5, ... } }
  def initialize(title, groups)
    place = 0
    @bars = groups.flat_map do |group, values|
      place += 1
      values.map { |name, value| { group: group, name: name, value: value, place: place += 1 } }
    end
    super(title, *scale, "set xrange [0.5:#{place + 1.5}]", 'set boxwidth 0.85', "set xtics scale 0 (#{ticks})")
    add_bars
  end

  private

  def scale
    least, most = @bars.map { |bar| bar[:value] }.minmax
    return ["set yrange [0:#{most * 1.12}]"] if most < least * LOGARITHMIC

    ['set logscale y', "set yrange [#{least / 3.0}:#{most * 2}]"]
  end

  # The name of a group, in the middle of it.
  def ticks
    @bars.group_by { |bar| bar[:group] }.map do |group, bars|
      "#{quoted(group)} #{bars.sum { |bar| bar[:place] }.fdiv(bars.size)}"
    end.join(', ')
  end

  def add_bars
    @bars.group_by { |bar| bar[:name] }.each do |name, bars|
      add(name, bars.map { |bar| bar.values_at(:place, :value) }, 'using 1:2 with boxes fill solid 0.85 noborder')
    end
    add(nil, @bars.map { |bar| [bar[:place], bar[:value], Number.short(bar[:value])] },
        'using 1:2:3 with labels offset 0,0.6')
  end
end
