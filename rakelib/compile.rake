# frozen_string_literal: true

# extconf.rb writes the list of the sources into the Makefile, so a file that comes or goes asks for a new one.
sources = Rake::FileList['ext/tasker_native/{core,binding}/**/*.c'].sort.join("\n")
source_list = 'tmp/sources.txt'
unless File.exist?(source_list) && File.read(source_list) == sources
  mkdir_p File.dirname(source_list)
  File.write(source_list, sources)
end

file "tmp/#{RUBY_PLATFORM}/tasker_native/#{RUBY_VERSION}/Makefile" => source_list
