# frozen_string_literal: true

# What the demo says, and how it looks.
class Screen
  STYLES = { bold: 1, dim: 2, red: 31, green: 32, yellow: 33 }.freeze
  EVENTS = { /\.completed\b/ => :green, /\.failed\b/ => :red, /\.retry_requested\b/ => :yellow }.freeze
  TIME = /\A\d\d:\d\d:\d\d\.\d{3}/

  def initialize(io = $stdout)
    @io = io
    @io.sync = true
    @color = io.tty? && !ENV.key?('NO_COLOR')
  end

  def title(text)
    @io.puts paint(text, :bold), ''
  end

  def heading(text)
    @io.puts '', paint(text, :bold), ''
  end

  def text(text)
    @io.puts text
  end

  def blank
    @io.puts
  end

  def success(text)
    @io.puts paint(text, :green)
  end

  def failure(text)
    @io.puts paint(text, :red)
  end

  # A line that another process wrote.
  def said(name, line)
    _, style = EVENTS.find { |pattern, _| line.match?(pattern) }
    time = line[TIME].to_s
    @io.puts "  #{paint(name.ljust(9), :dim)} #{paint(time, :dim)}#{paint(line.delete_prefix(time), style)}"
  end

  private

  def paint(text, style)
    @color && style && !text.empty? ? "\e[#{STYLES.fetch(style)}m#{text}\e[0m" : text
  end
end
