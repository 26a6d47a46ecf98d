#!/usr/bin/env ruby
# frozen_string_literal: true

# Draws docs/benchmarks/*.svg from docs/benchmarks/results.json, with gnuplot. `--help` tells how to use it.

ENV['BUNDLE_GEMFILE'] ||= File.expand_path('../Gemfile', __dir__)
require 'bundler/setup'
require 'optparse'
require_relative 'support/plots'
require_relative 'support/results'

USAGE = <<~TEXT
  Draws a plot of each figure that `ruby bench/run.rb --save` has found, with gnuplot.

  Usage: ruby bench/plots.rb [options]

TEXT

directory = File.dirname(Results::FILE)
file = Results::FILE
begin
  OptionParser.new(USAGE) do |parser|
    parser.on('--results FILE', 'instead of docs/benchmarks/results.json') { |name| file = name }
    parser.on('--directory DIRECTORY', 'where to draw, instead of docs/benchmarks') { |name| directory = name }
  end.parse!
  Plot.check_tools
  drawn = Plots.new(Results.new(file).comparisons).draw(directory)
  abort 'plots: there are no results. Next: ruby bench/run.rb --save' if drawn.empty?
  puts "plots: #{drawn.size} in #{directory}"
rescue Plot::Failed, OptionParser::ParseError => e
  abort "plots: #{e.message}"
end
