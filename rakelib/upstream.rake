# frozen_string_literal: true

namespace :upstream do
  desc "Run Rails' own tests of its parameter filter on ours (REPO: a checkout of rails/rails, or its git directory)"
  task :rails, [:repo] => :compile do |_task, arguments|
    repo = arguments.repo || ENV.fetch('REPO', nil)
    unless repo
      abort "Which rails/rails? rake 'upstream:rails[DIRECTORY]'; git clone https://github.com/rails/rails makes one."
    end

    ruby('rakelib/upstream/rails.rb', repo) { |ok| exit 1 unless ok }
  end
end
