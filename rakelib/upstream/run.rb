# frozen_string_literal: true

# Runs tasker-engine's own specs without this gem and with it, both at once, and says which examples pass without it
# only. Fails when one of them is not listed in docs/engine.md.
#
#   bin/engine upstream [--repo DIR] [SPEC...]

require_relative 'comparison'
require_relative 'listed_examples'
require_relative 'suite_run'

$stdout.sync = true
root = File.expand_path('../..', __dir__)
directory = File.join(root, 'tmp/engine')
runs = [false, true].map { |native| Upstream::SuiteRun.new(File.join(directory, 'upstream'), directory, native: native) }
listed = Upstream::ListedExamples.read(File.read(File.join(root, 'docs/engine.md')))

begin
  runs.each { |run| run.start(ARGV) }
  (1..).each do |seconds|
    break if runs.none?(&:running?)

    sleep 1
    puts "    #{seconds.to_s.rjust(3)} s  #{runs.map(&:progress).join(', ')}" if (seconds % 10).zero?
  end
  comparison = Upstream::Comparison.new(*runs.map(&:results), listed)
  puts comparison
  exit comparison.equal?
rescue RuntimeError => e
  abort "error: #{e.message}"
ensure
  runs.each(&:stop)
end
