# frozen_string_literal: true

# Another process, line by line.
class Program
  # It did not do what it was started for.
  class Failed < StandardError; end

  # Reads all of them at once and yields whatever they write, until the block says that it is enough.
  #
  # @yieldparam program [Program]
  # @yieldparam line [String, nil] nil: it has ended
  # @yieldreturn [Boolean]
  # @raise [Failed] when that takes too long
  def self.follow(programs, timeout:, &block)
    deadline = now + timeout
    nil until news_of(programs, deadline).map(&block).any?
  end

  def self.news_of(programs, deadline)
    running = programs.reject(&:ended?).to_h { |program| [program.output, program] }
    outputs, = IO.select(running.keys, nil, nil, [deadline - now, 0].max)
    raise Failed, "it takes too long#{running.each_value.map(&:complaint).join}" unless outputs

    running.values_at(*outputs).flat_map { |program| program.news.map { |line| [program, line] } }
  end

  def self.now
    Process.clock_gettime(Process::CLOCK_MONOTONIC)
  end

  private_class_method :news_of, :now

  attr_reader :name, :output

  # @param name [String]
  # @param command [Array<String>]
  # @param environment [Hash{String=>String, nil}]
  # @param errors [String] the file for what it writes to standard error
  def initialize(name, command, environment:, errors:, chdir:)
    @name = name
    @errors = errors
    @rest = +''
    @output, writer = IO.pipe
    @pid = spawn(environment, *command, in: File::NULL, out: writer, err: [errors, 'w'], chdir: chdir)
    writer.close
  end

  # @return [Array<String, nil>] lines that have come
  def news
    @rest << @output.readpartial(65_536)
    *lines, @rest = @rest.split("\n", -1)
    lines
  rescue EOFError
    @ended = true
    [nil]
  end

  def ended?
    @ended
  end

  def stop
    Process.kill('TERM', @pid) if @pid
  rescue Errno::ESRCH
    nil
  end

  # @raise [Failed] unless it ended well
  def wait
    _, status = Process.wait2(@pid)
    @pid = nil
    raise Failed, "#{name}: #{status}#{complaint}" unless status.success?
  end

  # What it wrote to standard error.
  def complaint
    File.exist?(@errors) ? File.read(@errors, 4000).to_s.gsub(/^/, "\n  #{name}: ").rstrip : ''
  end

  # For the end of everything: it is gone after this.
  def kill
    return unless @pid

    Process.kill('KILL', @pid)
    Process.wait(@pid)
  rescue Errno::ESRCH, Errno::ECHILD
    nil
  end
end
