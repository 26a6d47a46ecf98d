# frozen_string_literal: true

require 'mkmf'

# A library of the system: its name in pkg-config, a header that proves it, what for, and its packages. header_only: the
# extension compiles it in, and does not need it to run.
Library = Struct.new(:name, :header, :header_only, :purpose, :debian, :fedora, :alpine, :homebrew,
                     keyword_init: true) do
  def found?
    known = header_only ? add_header_folder : pkg_config(name)
    known && have_header(header)
  end

  def add_header_folder
    flags = pkg_config(name, 'cflags')
    $INCFLAGS << " #{flags}" if flags
    flags
  end
end

LIBRARIES = [
  Library.new(name: 'libcurl', header: 'curl/curl.h', purpose: 'HTTP', debian: 'libcurl4-openssl-dev',
              fedora: 'libcurl-devel', alpine: 'curl-dev', homebrew: 'curl'),
  Library.new(name: 'zlib', header: 'zlib.h', purpose: 'compression', debian: 'zlib1g-dev',
              fedora: 'zlib-devel', alpine: 'zlib-dev', homebrew: 'zlib'),
  Library.new(name: 'libxxhash', header: 'xxhash.h', header_only: true, purpose: 'ids and checksums',
              debian: 'libxxhash-dev', fedora: 'xxhash-devel', alpine: 'xxhash-dev', homebrew: 'xxhash')
].freeze

PKG_CONFIG = Library.new(name: 'pkg-config', purpose: 'finds the libraries', debian: 'pkg-config',
                         fedora: 'pkgconf-pkg-config', alpine: 'pkgconf', homebrew: 'pkgconf')

def abort_unless_everything_is_there
  has_pkg_config = find_executable(RbConfig::CONFIG['PKG_CONFIG'] || 'pkg-config')
  missing = LIBRARIES.reject(&:found?)
  missing.unshift(PKG_CONFIG) unless has_pkg_config
  return if missing.empty?

  $makefile_created = true # or mkmf adds a page about its options
  abort missing_message(missing)
end

def missing_message(missing)
  <<~MESSAGE

    tasker-native can't be built: these are missing, or can't be used.

    #{missing.map { |thing| "  #{thing.name} (#{thing.purpose})" }.join("\n")}

    Install them, then try again:

      Debian, Ubuntu   apt-get install #{missing.map(&:debian).join(' ')}
      Fedora           dnf install #{missing.map(&:fedora).join(' ')}
      Alpine           apk add #{missing.map(&:alpine).join(' ')}
      Homebrew         brew install #{missing.map(&:homebrew).join(' ')}

    What was tried is written in mkmf.log.
  MESSAGE
end

def set_language_and_warnings
  $warnflags = '' # those that Ruby itself was built with
  $CFLAGS << ' -std=c11 -pthread -Wall -Wextra'
  $CFLAGS << ' -O3'
  $CPPFLAGS << ' -D_GNU_SOURCE'
  # Ruby's headers as system headers: what they do is no warning of ours.
  $INCFLAGS.gsub!(/-I(?=\$\((arch_)?hdrdir\))/, '-isystem ')
end

def harden
  append_cflags(['-fvisibility=hidden', '-fstack-protector-strong'])
  append_ldflags(['-Wl,-z,relro', '-Wl,-z,now'])
  fortified = "#{$CPPFLAGS} #{$CFLAGS}".include?('_FORTIFY_SOURCE')
  $CPPFLAGS << ' -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2' unless fortified
end

# Small functions of one room are called by others all the time: optimising while linking lets the compiler see them
# together (a tenth fewer instructions for an event).
def optimize_while_linking
  flag = %w[-flto=auto -flto].find { |candidate| try_link(MAIN_DOES_NOTHING, "#{candidate} -O3") }
  return unless flag

  $CFLAGS << " #{flag}"
  $DLDFLAGS << " #{flag} -O3"
end

# What differs between versions of Ruby and systems. Used in binding/ and core/base as HAVE_….
def check_for_optional_functions
  have_func('rb_hash_new_capa', 'ruby.h') # Ruby 3.2
  have_func('rb_time_utc_offset', 'ruby.h')
  have_func('rb_ext_ractor_safe', 'ruby.h')
  have_func('pthread_setname_np', 'pthread.h')
end

# The objects land flat in one folder, so base names are unique.
def list_sources
  folders = Dir.glob('{core/*,binding}/', base: $srcdir).sort
  $VPATH.concat(folders.map { |folder| "$(srcdir)/#{folder.chomp('/')}" })
  $INCFLAGS << ' -I$(srcdir)/core -I$(srcdir)/binding'
  $srcs = Dir.glob('{core/*,binding}/*.c', base: $srcdir).sort
end

# mkmf knows only headers beside extconf.rb: let the compiler tell which ones an object needs.
def track_headers
  $CFLAGS << ' -MMD -MP'
  $cleanfiles << '*.d'
  create_makefile('tasker/native/tasker_native')
  File.write('Makefile', "\n$(OBJS): Makefile\n-include $(OBJS:.o=.d)\n", mode: 'a')
end

set_language_and_warnings
abort_unless_everything_is_there
harden
check_for_optional_functions
optimize_while_linking
list_sources
$CPPFLAGS << ' -DTN_SEALS' if enable_config('debug', ENV['TASKER_NATIVE_DEBUG'] == '1') # see core/trace/seal.h
$CFLAGS << ' -Werror' if enable_config('werror', ENV['TASKER_NATIVE_WERROR'] == '1') # last: not for the checks above
track_headers
