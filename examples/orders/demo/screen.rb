# frozen_string_literal: true

# What the demo says, and how it looks.
class Screen
  STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }.freeze
  EVENTS = { /\.completed\b/ => :green, /\.failed\b/ => :red, /\.retry_requested\b/ => :yellow }.freeze
  TIME = /\A\d\d:\d\d:\d\d\.\d{3}/

  def initialize(output = $stdout)
    @output = output
    @output.sync = true
    @color = output.tty? && !ENV.key?('NO_COLOR')
  end

  def heading(text)
    @output.puts '', paint(text, :bold), ''
  end

  def text(text)
    @output.puts text
  end

  def note(text)
    @output.puts paint("  #{text}", :dim)
  end

  def success(text)
    @output.puts paint(text, :green)
  end

  def failure(text)
    @output.puts paint(text, :red)
  end

  # A line that another process wrote.
  def said(name, line)
    _, style = EVENTS.find { |pattern, _| line.match?(pattern) }
    time = line[TIME].to_s
    @output.puts "  #{paint(name.ljust(8), :dim)}  #{paint(time, :dim)}#{paint(line.delete_prefix(time), style)}"
  end

  private

  def paint(text, style)
    return text if !@color || style.nil? || text.empty?

    text.gsub(/.+/) { |line| "\e[#{STYLES.fetch(style)}m#{line}\e[0m" }
  end
end
