# frozen_string_literal: true

require 'open3'

# One SVG by gnuplot.
class Plot
  # gnuplot is missing, or refuses.
  class Failed < StandardError; end

  COLOURS = %w[#1b6ca8 #d1495b #edae49 #66a182 #8d96a3].freeze
  STYLE = <<~GNUPLOT
    set terminal svg noenhanced size 820,420 font 'Helvetica,Arial,sans-serif,13' background '#ffffff' linewidth 1.2
    set border 3 lc rgb '#555555'
    set grid ytics back lc rgb '#dddddd' lt 1
    set rmargin 5
    set xlabel offset 0,0.4
    set tics nomirror
    set key outside below center horizontal
    set datafile separator tab
    set format y '%.0f'
  GNUPLOT

  def self.check_tools
    system('gnuplot', '--version', out: File::NULL) or
      raise Failed, 'there is no gnuplot. Next: apt-get install gnuplot-nox, or what your system has for it'
  end

  # settings: lines of gnuplot, beyond STYLE
  def initialize(title, *settings)
    @title = title
    @settings = settings
    @blocks = []
    @curves = []
    @names = []
  end

  # Rows of numbers and Strings, and how `plot` takes them. One name, one colour; nil: black, not in the key.
  def add(name, rows, style)
    data = "$data#{@blocks.size}"
    @blocks << "#{data} << END\n#{rows.map { |row| row.join("\t") }.join("\n")}\nEND"
    @names |= [name].compact
    @curves << "#{data} #{style} #{name ? "lc rgb '#{colour(name)}' title #{quoted(name)}" : 'notitle'}"
    self
  end

  # => path
  def draw(path)
    script = [STYLE, "set title #{quoted(@title)}", *@settings, *@blocks, "set output #{quoted(path)}",
              "plot #{@curves.join(", \\\n  ")}", ''].join("\n")
    output, status = Open3.capture2e('gnuplot', stdin_data: script)
    raise Failed, "gnuplot on #{path}: #{output}" unless status.success? && output.empty?

    path
  end

  private

  def colour(name)
    COLOURS[@names.index(name) % COLOURS.size]
  end

  def quoted(text)
    "'#{text.gsub("'", "''")}'"
  end
end
