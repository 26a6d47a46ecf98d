# frozen_string_literal: true

require 'json'
require 'open3'

# Somebody else's strict parsers of what Prometheus reads: its Python library, and promtool.
class MetricsParser
  # What a parser did not take.
  class Refused < StandardError; end

  Sample = Struct.new(:name, :labels, :value, :exemplar)
  Family = Struct.new(:name, :type, :help, :unit, :samples)

  PROGRAM = ['/usr/bin/python3', File.expand_path('metrics_parser.py', __dir__)].freeze # with Debian's packages

  # @return [MetricsParser] one for all examples: Python takes a while to start
  def self.instance
    @instance ||= new
  end

  def initialize
    @input, @output, = Open3.popen2(*PROGRAM)
  end

  # @return [Array<Family>]
  # @raise [Refused]
  def parse(text, format: :prometheus)
    @input.puts(JSON.generate(format: format, text: text))
    @input.flush
    answer = JSON.parse(@output.gets)
    raise Refused, "#{answer['error']} in:\n#{text}" if answer['error']

    answer['families'].map { |family| family_of(family) }
  end

  # promtool's own check; what it merely advises is no error.
  #
  # @raise [Refused]
  def self.promtool(text)
    output, status = Open3.capture2e('promtool', 'check', 'metrics', stdin_data: text)
    raise Refused, "#{output} in:\n#{text}" unless [0, 3].include?(status.exitstatus)
  end

  private

  def family_of(family)
    samples = family['samples'].map do |sample|
      Sample.new(*sample.values_at('name', 'labels'), number(sample), sample['exemplar'])
    end
    Family.new(*family.values_at('name', 'type', 'help', 'unit'), samples)
  end

  def number(sample)
    sample['value'] == 'inf' ? Float::INFINITY : Float(sample['value'])
  end
end
