# frozen_string_literal: true

require 'fileutils'
require 'open3'
require 'rbconfig'
require_relative 'ruby_process'

# The extension as it is, but compiled under AddressSanitizer and UBSan, and with the module Tasker::Native::Torture
# (test/c/extension/torture.c): for processes of its own, which show what they did and whether they crashed.
module TortureExtension
  ROOT = RubyProcess::ROOT
  FOLDER = File.join(ROOT, 'tmp', 'torture', "#{RUBY_PLATFORM}-#{RUBY_VERSION}")
  LIBRARY = File.join(FOLDER, "tasker_native.#{RbConfig::CONFIG['DLEXT']}")
  SOURCE = File.join(ROOT, 'test', 'c', 'extension', 'torture.c')
  # Not the stack: what unwinds Ruby (raise, throw, kill) jumps over our frames without a word to ASan, which would
  # take what they leave behind for theirs.
  SANITIZE = '-fsanitize=address,undefined --param asan-stack=0 -fno-sanitize-recover=all -fno-omit-frame-pointer'

  # A Ruby that is not built for it leaks at exit. Its garbage collector looks for references on the stack, so locals
  # must live there.
  OPTIONS = { 'ASAN_OPTIONS' => 'detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1:' \
                                'detect_odr_violation=0:use_sigaltstack=0', # Ruby has a signal stack of its own
              'UBSAN_OPTIONS' => 'print_stacktrace=1' }.freeze

  class << self
    # Compiles what has changed.
    #
    # @return [String] the path of the library
    def build
      @build ||= begin
        FileUtils.mkdir_p(FOLDER)
        configure unless configured?
        run('make', '-s', '-j2')
        LIBRARY
      end
    end

    # @return [Hash{String=>String}] what a process needs that loads the library
    def environment
      { **OPTIONS, 'TASKER_TORTURE_EXTENSION' => build, 'LD_PRELOAD' => runtime }
    end

    private

    def sources
      Dir.glob('ext/tasker_native/{core,binding}/**/*.c', base: ROOT).sort.join("\n")
    end

    def configured?
      list = File.join(FOLDER, 'sources')
      makefile = File.join(FOLDER, 'Makefile')
      [File.join(ROOT, 'ext/tasker_native/extconf.rb'), __FILE__].all? do |file|
        File.exist?(makefile) && File.mtime(makefile) > File.mtime(file)
      end && File.exist?(list) && File.read(list) == sources
    end

    def configure
      run(RbConfig.ruby, File.join(ROOT, 'ext/tasker_native/extconf.rb'), '--disable-werror',
          "--with-cflags=-g -O1 #{SANITIZE}", "--with-ldflags=#{SANITIZE}")
      File.write(File.join(FOLDER, 'Makefile'), makefile)
      File.write(File.join(FOLDER, 'sources'), sources)
    end

    # The extension's own, with one more object, whose Init function calls the extension's.
    def makefile
      own = File.read(File.join(FOLDER, 'Makefile'))
      <<~MAKEFILE
        #{own.sub(/^OBJS = /, 'OBJS = torture.o ')}
        torture.o: #{SOURCE} Makefile
        \t$(CC) $(INCFLAGS) $(CPPFLAGS) $(CFLAGS) -o $@ -c $<
        extension.o: CPPFLAGS += -DInit_tasker_native=tn_init_tasker_native
      MAKEFILE
    end

    def runtime
      @runtime ||= run(RbConfig::CONFIG['CC'].split.first, '-print-file-name=libasan.so').strip
    end

    def run(*command)
      output, status = Open3.capture2e({ 'TASKER_NATIVE_WERROR' => '0' }, *command, chdir: FOLDER)
      raise "#{command.join(' ')}: #{status}\n#{output}" unless status.success?

      output
    end
  end
end
