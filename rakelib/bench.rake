# frozen_string_literal: true

desc 'Run the benchmarks (bench[NAME]: those of bench/comparisons.rb whose name is, or begins with, NAME)'
task :bench, [:name] => :compile do |_task, arguments|
  ruby 'bench/run.rb', *arguments.name
end

namespace :bench do
  desc "Compare the filter with ActiveSupport's"
  task filter: :compile do
    ruby 'bench/run.rb', 'filter'
  end

  desc 'Compare exporting with OpenTelemetry Ruby (CPU, speed, lateness, memory), write the pages, draw the plots'
  task export: :compile do
    ruby 'bench/run.rb', '--save', *%w[export/gzip export/uncompressed export/sustained lateness]
    Rake::Task['bench:plots'].invoke
  end

  desc 'Compare metrics with prometheus-client'
  task metrics: :compile do
    ruby 'bench/run.rb', 'metrics'
  end

  desc 'Run the benchmarks, write docs/benchmarks/results.json and the tables of the pages, draw the plots'
  task save: :compile do
    ruby 'bench/run.rb', '--save'
    Rake::Task['bench:plots'].invoke
  end

  desc 'Make the tables of the pages anew from docs/benchmarks/results.json, for instance after a text was changed'
  task :page do
    ruby '-r', './bench/support/page', '-e', 'Page.all.each(&:update)'
  end

  desc 'Draw docs/benchmarks/*.svg from docs/benchmarks/results.json (needs gnuplot)'
  task :plots do
    ruby('bench/plots.rb') { |ok| exit 1 unless ok }
  end

  desc 'Count instructions an operation, and fail when a reference in bench/instructions.yml is exceeded by 5 %'
  task instructions: :compile do
    ruby('bench/instructions.rb') { |ok| exit 1 unless ok }
  end

  namespace :instructions do
    desc 'Write bench/instructions.yml anew, for this version of Ruby'
    task update: :compile do
      ruby('bench/instructions.rb', '--update') { |ok| exit 1 unless ok }
    end

    desc 'The same for the Ruby of bin/root'
    task :update_root do
      command = 'bin/setup >&2 && bundle exec rake bench:instructions:update >&2 && cat bench/instructions.yml'
      references = IO.popen(['bin/root', 'bash', '-c', command], &:read)[/^# Instructions.*/m] or exit 1
      File.write('bench/instructions.yml', references)
    end
  end
end
