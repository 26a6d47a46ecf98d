# frozen_string_literal: true

namespace :golden do
  desc 'Record what the concern of tasker-engine 0.1.0 publishes, into spec/fixtures (fetches the gem)'
  task :record do
    mkdir_p 'tmp/golden'
    Dir.chdir('tmp/golden') do
      sh 'gem', 'fetch', 'tasker-engine', '-v', '0.1.0'
      sh 'gem', 'unpack', 'tasker-engine-0.1.0.gem'
    end
    ruby 'rakelib/record_payloads.rb', 'tmp/golden/tasker-engine-0.1.0', 'spec/fixtures/concern_payloads.yml'
  end
end
