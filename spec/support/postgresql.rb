# frozen_string_literal: true

require 'etc'
require 'fileutils'
require 'open3'
require 'tmpdir'

# A PostgreSQL server of its own, from the system's packages: on a private socket in a temporary directory, and gone
# with it. As root it runs as the user postgres, since PostgreSQL refuses root.
class PostgreSQL
  USER = 'postgres'

  attr_reader :directory

  def initialize
    @directory = File.realpath(Dir.mktmpdir('tasker-pg'))
    File.chmod(0o711, @directory)
    own = root? ? Etc.getpwnam(USER) : Etc.getpwuid
    @data = File.join(@directory, 'data')
    FileUtils.mkdir(@data, mode: 0o700)
    FileUtils.chown(own.uid, own.gid, [@directory, @data]) if root?
  end

  # @return [self]
  def start
    run('initdb', '-D', @data, '-U', USER, '--auth=trust', '--no-sync', '--encoding=UTF8', '--no-locale')
    run('pg_ctl', '-D', @data, '-w', '-t', '60', '-l', File.join(@data, 'log'), '-o', <<~OPTIONS.tr("\n", ' '), 'start')
      -c listen_addresses='' -c unix_socket_directories='#{@directory}' -c fsync=off -c max_connections=60
    OPTIONS
    self
  rescue StandardError
    stop
    raise
  end

  # @return [void]
  def stop
    run('pg_ctl', '-D', @data, '-w', '-m', 'immediate', 'stop') if File.exist?(File.join(@data, 'postmaster.pid'))
  ensure
    FileUtils.remove_entry(@directory)
  end

  # @return [Hash] for Active Record
  def configuration(**options)
    { adapter: 'postgresql', host: @directory, username: USER, database: USER, **options }
  end

  private

  def root?
    Process.uid.zero?
  end

  # Debian keeps the programs of each version in a folder of its own.
  def program(name)
    folders = Dir['/usr/lib/postgresql/*/bin'].sort_by { |path| path[/\d+/].to_i }.reverse + ENV['PATH'].split(':')
    folder = folders.find { |path| File.executable?(File.join(path, name)) }
    raise "PostgreSQL's #{name} is missing. Next: bin/setup --system" unless folder

    File.join(folder, name)
  end

  def run(name, *arguments)
    as_user = root? ? ['runuser', '-u', USER, '--'] : []
    log = File.join(@directory, 'output')
    system(*as_user, program(name), *arguments, chdir: @directory, in: File::NULL, out: log, err: log) and return

    raise "#{name} failed: #{File.read(log)}"
  end
end
