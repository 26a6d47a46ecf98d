# frozen_string_literal: true

require 'json'

# A comparison in the Debian 13 of bin/root, for what this machine has not: all of it, with the receiver, runs there.
class RootRun
  TREE = File.expand_path('../..', __dir__)
  RESULT = /\Aresult: /
  # What runs a program there, with which gems.
  COMMANDS = { own: ['bin/root', 'bash', '-c', 'bin/setup >&2 && exec bundle exec "$@"', 'bench'],
               engine: %w[bin/engine exec] }.freeze

  # Why it can't be; nil if it can.
  def self.hindrance
    'it takes root, for bin/root' unless Process.uid.zero?
  end

  def initialize(comparison, options)
    @comparison = comparison
    @options = options
  end

  # Yields lines of the report. => entries, as Results#save takes them
  def run
    entries = nil
    IO.popen([*COMMANDS.fetch(@comparison.gems), 'ruby', 'bench/run.rb', '--json', *@options.to_arguments,
              @comparison.name], chdir: TREE) do |output|
      output.each_line(chomp: true) do |line|
        line.match?(RESULT) ? entries = JSON.parse(line.sub(RESULT, '')) : yield(line)
      end
    end
    entries or raise Comparison::Failed, "#{@comparison.name} failed in bin/root"
    entries.each_value { |entry| entry['machine']['revision'] = Machine.revision } # git does not go there
  end
end
