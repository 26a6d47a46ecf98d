# frozen_string_literal: true

# What tries to break the core and the extension: docs/architecture.md, "Torture". The short form is part of
# bin/test --all, where each part is a runner of its own. TORTURE_SECONDS: of each fuzzer, in the long form.
torture_seconds = Integer(ENV.fetch('TORTURE_SECONDS', '120'))
core_make = ['make', '--no-print-directory', '-f', 'test/c/Makefile', '-j2']
# The tests of the core that handle the most memory, and the specs that reach every function of the extension.
core_short = '@(payload|span|json|otlp_protobuf|gzip|log_ring|verdict_table)/*'
specs_short = %w[native/payload native/filter native/filter_json native/step_spans native/task_spans
                 native/current_span events/publisher]
specs_short = specs_short.map { |name| "spec/tasker/#{name}_spec.rb" }
filter_targets = ['key_filter', *Dir['test/c/fuzz/fuzz_scan_*.c'].map { |file| file[/fuzz_(scan_\w+)/, 1] }].join(' ')

# Makes one of the Makefile's targets.
part = lambda do |target, *variables|
  sh(*core_make, target, *variables) { |ok| exit 1 unless ok }
end

# The gem that reads what valgrind says is loaded by nobody else.
memcheck = lambda do |files|
  require_relative 'memcheck'
  Memcheck.run(files)
end

desc 'Torture the core and the extension for long (TORTURE_SECONDS=120: of each fuzzer)'
task :torture do
  failed = %w[awake stress valgrind extension memcheck fuzz].reject do |name|
    puts "torture: #{name} (#{Time.now.strftime('%H:%M:%S')})"
    system('rake', "torture:#{name}").tap { |ok| puts "torture: #{name} #{ok ? 'found nothing' : 'FOUND SOMETHING'}" }
  end
  abort "torture: these found something: #{failed.join(', ')}" if failed.any?
  puts "torture: six parts, #{torture_seconds} s for each fuzzer, nothing found"
end

namespace :torture do
  desc 'Torture everything for some minutes: what bin/test --all does beside the specs'
  task short: %w[awake short:stress short:valgrind short:memcheck short:fuzz]

  desc 'Prove that sanitizers, valgrind and fuzzers find planted faults'
  task :awake do
    part.call('awake')
    require_relative 'memcheck'
    Memcheck.prove
  end

  desc 'Run the stress programs under ThreadSanitizer'
  task(:stress) { part.call('stress', "SECONDS=#{torture_seconds / 4}") }

  desc 'Run the C tests under valgrind'
  task(:valgrind) { part.call('valgrind') }

  desc 'Fuzz (torture:fuzz["json utf8"]: these targets only)'
  task(:fuzz, [:targets]) do |_task, arguments|
    part.call('fuzz', "SECONDS=#{torture_seconds}", *("TARGETS=#{arguments.targets}" if arguments.targets))
  end

  desc 'Run the processes of spec/torture ten times as long'
  task extension: :compile do
    sh({ 'TASKER_NATIVE_ALL' => '1', 'TORTURE_FACTOR' => '10' }, 'rspec', 'spec/torture') { |ok| exit 1 unless ok }
  end

  desc 'Run the fast specs with garbage collected at every allocation of the extension (takes hours)'
  task gc_stress: :compile do
    sh({ 'TASKER_GC_STRESS' => '1' }, 'rspec', 'spec/tasker') { |ok| exit 1 unless ok }
  end

  desc 'Run the fast specs under valgrind'
  task memcheck: :compile do
    memcheck.call('spec/tasker/**/*_spec.rb')
  end

  namespace :short do
    desc 'Run the stress programs under ThreadSanitizer for four seconds each'
    task(:stress) { part.call('stress', 'SECONDS=4') }

    desc 'Run the C tests that handle the most memory under valgrind'
    task(:valgrind) { part.call('valgrind', "FILTER=#{core_short}") }

    desc 'Fuzz each target for ten seconds'
    task(:fuzz) { part.call('fuzz', 'SECONDS=10') }

    desc 'Fuzz what looks for secrets for two seconds each'
    task(:filter) { part.call('fuzz', 'SECONDS=2', "TARGETS=#{filter_targets}") }

    desc 'Run the specs that reach every function of the extension under valgrind'
    task(memcheck: :compile) { memcheck.call(specs_short) }
  end
end
