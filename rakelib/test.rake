# frozen_string_literal: true

namespace :test do
  desc 'Run the C tests under ASan and UBSan (test:c["buffer/*"]: those that match)'
  task :c, [:pattern] do |_task, arguments|
    filter = "FILTER=#{arguments.pattern}" if arguments.pattern
    sh 'make', '--no-print-directory', '-f', 'test/c/Makefile', '-j2', 'check', *filter do |ok|
      abort 'test:c failed' unless ok
    end
  end
end
