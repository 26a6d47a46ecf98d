# frozen_string_literal: true

desc 'Run the benchmarks (bench[NAME]: those of bench/comparisons.rb whose name is, or begins with, NAME)'
task :bench, [:name] => :compile do |_task, arguments|
  ruby 'bench/run.rb', *arguments.name
end

namespace :bench do
  desc 'Count instructions an operation, and fail when a reference in bench/instructions.yml is exceeded by 5 %'
  task instructions: :compile do
    ruby('bench/instructions.rb') { |ok| exit 1 unless ok }
  end

  namespace :instructions do
    desc 'Write bench/instructions.yml anew, for this version of Ruby'
    task update: :compile do
      ruby('bench/instructions.rb', '--update') { |ok| exit 1 unless ok }
    end
  end
end
