# frozen_string_literal: true

namespace :golden do
  fixture = 'spec/fixtures/concern_payloads.yml'
  record = lambda do
    IO.popen(%w[bin/engine exec ruby rakelib/golden/record.rb], &:read)[/^# What tasker-engine.*/m] or exit 1
  end

  desc 'Write spec/fixtures/concern_payloads.yml: what tasker-engine 0.1.0 publishes in a Rails app (in bin/engine)'
  task :record do
    File.write(fixture, record.call)
  end

  desc 'Record again, and fail when spec/fixtures/concern_payloads.yml says something else'
  task :check do
    mkdir_p 'tmp/golden'
    File.write('tmp/golden/concern_payloads.yml', record.call)
    sh('diff', '-u', fixture, 'tmp/golden/concern_payloads.yml') { |ok| abort "golden: #{fixture} is old" unless ok }
    puts "golden: #{fixture} is what tasker-engine publishes"
  end
end
