# frozen_string_literal: true

require 'fileutils'
require 'open3'
require 'rbconfig'
require_relative 'ruby_process'

# The extension as it is, and with the module Tasker::Native::Torture (test/c/extension/torture.c), in three builds:
# under AddressSanitizer and UBSan, with seals (core/trace/seal.h); plain, for valgrind; and one that leaks. For
# processes of their own, which show what they did and whether they crashed.
module TortureExtension
  ROOT = RubyProcess::ROOT
  SOURCE = File.join(ROOT, 'test', 'c', 'extension', 'torture.c')

  # Not the stack: what unwinds Ruby (raise, throw, kill) jumps over our frames without a word to ASan, which would
  # take what they leave behind for theirs.
  SANITIZE = '-fsanitize=address,undefined --param asan-stack=0 -fno-sanitize-recover=all -fno-omit-frame-pointer ' \
             '-DTN_SEALS'

  # A Ruby that is not built for it leaks at exit. Its garbage collector looks for references on the stack, so locals
  # must live there.
  OPTIONS = { 'ASAN_OPTIONS' => 'detect_leaks=0:detect_stack_use_after_return=0:allocator_may_return_null=1:' \
                                'detect_odr_violation=0:use_sigaltstack=0', # Ruby has a signal stack of its own
              'UBSAN_OPTIONS' => 'print_stacktrace=1' }.freeze

  class << self
    # @return [Hash{String=>String}] what a process needs that loads the build with sanitizers
    def environment
      { **OPTIONS, 'TASKER_TORTURE_EXTENSION' => sanitized, 'LD_PRELOAD' => runtime }
    end

    # @return [String] the path of the library, of which what has changed was compiled
    def sanitized
      @sanitized ||= Build.new('sanitized', SANITIZE).library
    end

    def plain
      @plain ||= Build.new('plain', '').library
    end

    # One that does not filter all, which its seals must find.
    def leaking
      @leaking ||= Build.new('leaking', '-DTN_SEALS -DTN_PLANT_LEAK').library
    end

    private

    def runtime
      @runtime ||= `#{RbConfig::CONFIG['CC']} -print-file-name=libasan.so`.strip
    end
  end

  # One way of compiling it, below tmp/torture.
  class Build
    def initialize(name, flags)
      @folder = File.join(ROOT, 'tmp', 'torture', "#{name}-#{RUBY_PLATFORM}-#{RUBY_VERSION}")
      @flags = flags
    end

    def library
      FileUtils.mkdir_p(@folder)
      configure unless configured?
      run('make', '-s', '-j2')
      path("tasker_native.#{RbConfig::CONFIG['DLEXT']}")
    end

    private

    def path(name)
      File.join(@folder, name)
    end

    def sources
      Dir.glob('ext/tasker_native/{core,binding}/**/*.c', base: ROOT).sort.join("\n")
    end

    def configured?
      makefile = path('Makefile')
      return false unless File.exist?(makefile) && File.exist?(path('sources')) && File.read(path('sources')) == sources

      made = File.mtime(makefile)
      [File.join(ROOT, 'ext/tasker_native/extconf.rb'), __FILE__].all? { |file| File.mtime(file) < made }
    end

    def configure
      run(RbConfig.ruby, File.join(ROOT, 'ext/tasker_native/extconf.rb'), '--disable-werror',
          "--with-cflags=-g -O1 #{@flags}", "--with-ldflags=#{@flags}")
      File.write(path('Makefile'), makefile)
      File.write(path('sources'), sources)
    end

    # The extension's own, with one more object, whose Init function calls the extension's.
    def makefile
      own = File.read(path('Makefile'))
      <<~MAKEFILE
        #{own.sub(/^OBJS = /, 'OBJS = torture.o ')}
        torture.o: #{SOURCE} Makefile
        \t$(CC) $(INCFLAGS) $(CPPFLAGS) $(CFLAGS) -o $@ -c $<
        extension.o: CPPFLAGS += -DInit_tasker_native=tn_init_tasker_native
      MAKEFILE
    end

    def run(*command)
      output, status = Open3.capture2e({ 'TASKER_NATIVE_WERROR' => '0' }, *command, chdir: @folder)
      raise "#{command.join(' ')}: #{status}\n#{output}" unless status.success?
    end
  end
end
