# frozen_string_literal: true

desc 'Run the benchmarks (bench[NAME]: bench/NAME.rb only)'
task :bench, [:name] => :compile do |_task, arguments|
  ruby 'bench/run.rb', *arguments.name
end
