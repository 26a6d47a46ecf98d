# frozen_string_literal: true

require 'English'

desc 'Check style, documentation and boundaries: RuboCop, YARD, clang-format, what core/ may know of'
task lint: %w[lint:ruby lint:yard lint:format lint:boundary]

namespace :lint do
  desc 'Check the Ruby code with RuboCop'
  task :ruby do
    sh('rubocop') { |ok| exit 1 unless ok }
  end

  desc 'Prove that every public name is documented, and that YARD has nothing to complain of'
  task yard: :compile do
    ruby('rakelib/documentation.rb') { |ok| exit 1 unless ok }
  end

  desc 'Check the format of the C code with clang-format'
  task :format do
    files = Rake::FileList['{ext,test/c}/**/*.{c,h}']
    report = IO.popen(['clang-format', '--dry-run', '-Werror', *files, { err: %i[child out] }], &:read)
    unless $CHILD_STATUS.success?
      places = report.scan(/^(.*?):\d+:\d+: error: /).flatten.tally
      places.each { |file, count| puts "#{file}: #{count} places" }
      abort 'clang-format: the C code is not formatted. Next: bundle exec rake format'
    end
    puts "clang-format: #{files.size} files, no offenses"
  end

  desc 'Prove that core/ knows nothing of Ruby, and that the extension exports nothing but its Init function'
  task boundary: :compile do
    sh 'make', '-s', '-f', 'test/c/Makefile', '-j2', 'core'
    ruby('rakelib/boundary.rb') { |ok| exit 1 unless ok }
  end
end

desc 'Format the C code with clang-format'
task :format do
  sh 'clang-format', '-i', *Rake::FileList['{ext,test/c}/**/*.{c,h}']
end
