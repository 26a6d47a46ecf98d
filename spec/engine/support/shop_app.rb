# frozen_string_literal: true

require 'fileutils'
require 'json'
require 'open3'
require 'tmpdir'
require_relative '../../../lib/tasker/native/trace_file'

# The app of spec/fixtures/engine_app in a folder of its own, whose processes know nothing of this one but its database
# server and, unless told otherwise, its bundle.
class ShopApp
  ROOT = File.expand_path('../../..', __dir__)
  FIXTURE = File.join(ROOT, 'spec/fixtures/engine_app')
  PRELUDE = File.join(__dir__, 'in_the_shop.rb')
  GEMFILE = File.join(ROOT, 'examples/engine/Gemfile')
  SECONDS = 60
  DATABASE = 'shop'

  Result = Struct.new(:out, :err, :status, keyword_init: true)

  # Copies EngineApp's database, whose specs want to be alone in it. Nobody may use it meanwhile.
  #
  # @return [void]
  def self.make_database
    original = ActiveRecord::Base.connection_db_config.configuration_hash
    ActiveRecord::Base.connection_handler.clear_all_connections!
    connection = PG.connect(host: original[:host], user: original[:username], dbname: 'template1')
    connection.exec("CREATE DATABASE #{DATABASE} TEMPLATE #{original[:database]}")
  ensure
    connection&.close
  end

  attr_reader :path

  # @param files [Hash{String=>String}] contents by name, which the fixture has not, or has otherwise
  def initialize(files = {})
    @path = File.realpath(Dir.mktmpdir('shop'))
    FileUtils.cp_r("#{FIXTURE}/.", path)
    files.each { |name, content| write(name, content) }
  end

  # Boots it and runs a script in it.
  #
  # @return [Array] what the script told, see {InTheShop}
  def run(script, **options)
    result = try(script, **options)
    raise "#{result.status}: #{result.err}\n#{result.out}" unless result.status.success?

    result.out.lines.map { |line| JSON.parse(line, symbolize_names: true) }
  end

  # @return [Result]
  def try(script, **options)
    command('ruby', '-e', "require './config/environment'\nrequire '#{PRELUDE}'\n#{script}", **options)
  end

  # @return [String] what `bin/rails` wrote
  def rails(*arguments, **options)
    result = command('bin/rails', *arguments, **options)
    raise "bin/rails #{arguments.join(' ')}: #{result.err}\n#{result.out}" unless result.status.success?

    result.out
  end

  # Another bundle: the same gems in another order, or some of them.
  #
  # @yieldparam lines [Array<String>] of the Gemfile
  # @yieldreturn [Array<String>]
  # @return [self]
  def rebundle
    lines = File.readlines(GEMFILE).map { |line| line.sub("'../..'", "'#{ROOT}'") }
    @gemfile = write('Gemfile', yield(lines).join)
    FileUtils.cp("#{GEMFILE}.lock", "#{@gemfile}.lock")
    self
  end

  # @return [String] the file's path
  def write(name, content)
    File.join(path, name).tap do |file|
      FileUtils.mkdir_p(File.dirname(file))
      File.write(file, content)
    end
  end

  # @return [String]
  def read(name)
    File.read(File.join(path, name))
  end

  # @return [Array<String>] lines of the log, without those of Active Record
  def log(environment = 'test')
    read("log/#{environment}.log").lines(chomp: true).grep_v(/\e\[/)
  end

  # @return [Array<Tasker::Native::SpanData>] of the trace file
  def spans
    file = File.join(path, 'log/tasker_traces.jsonl')
    File.exist?(file) ? Tasker::Native::TraceFile.new(file).to_a : []
  end

  # @return [void]
  def remove
    FileUtils.remove_entry(path)
  end

  private

  def command(*arguments, environment: 'test', **settings)
    settings = { 'DATABASE_URL' => database_url, 'RAILS_ENV' => environment, **settings.transform_keys(&:to_s) }
    settings['BUNDLE_GEMFILE'] = @gemfile if @gemfile
    out, err, status = Open3.capture3(settings, 'timeout', '-s', 'KILL', SECONDS.to_s, *arguments, chdir: path)
    Result.new(out: out, err: err, status: status)
  end

  def database_url
    server = ActiveRecord::Base.connection_db_config.configuration_hash
    "postgresql:///#{DATABASE}?host=#{server[:host]}&user=#{server[:username]}"
  end
end
