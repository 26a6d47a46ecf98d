# frozen_string_literal: true

require 'rbconfig'
require 'yaml'

# The counts that are committed, for each architecture and version of Ruby:
# { 'x86_64' => { '3.1' => { 'span/small_native' => { 'publishing' => 18630, 'exporting' => 22460 } } } }
class InstructionReferences
  HEAD = <<~TEXT
    # Instructions an operation takes, for each architecture and version of Ruby. `rake bench:instructions` fails when
    # one is exceeded by more than 5 %; `rake bench:instructions:update` writes them anew for the Ruby it runs on.
  TEXT
  ARCHITECTURE = RbConfig::CONFIG['host_cpu']
  RUBY = RUBY_VERSION[/\d+\.\d+/]

  def initialize(file)
    @file = file
    @all = File.exist?(file) ? YAML.safe_load_file(file) || {} : {}
  end

  def place
    "Ruby #{RUBY} on #{ARCHITECTURE}"
  end

  # nil if there is none
  def find(subject, thread)
    @all.dig(ARCHITECTURE, RUBY, subject, thread.to_s)
  end

  # counts: { subject => { thread => instructions } }
  def update(counts)
    mine = (@all[ARCHITECTURE] ||= {})[RUBY] ||= {}
    counts.each { |subject, threads| mine[subject] = threads.transform_keys(&:to_s) }
    @all[ARCHITECTURE] = @all[ARCHITECTURE].sort.to_h
    File.write(@file, HEAD + YAML.dump(@all).delete_prefix("---\n"))
  end
end
