# frozen_string_literal: true

# What people see.
module Console
  MAX_NAMES = 5

  module_function

  def listening(port)
    say "listening on http://127.0.0.1:#{port}"
  end

  def request(entry)
    line = [Time.at(entry[:time]).strftime('%H:%M:%S.%L'), entry[:http_method], entry[:path], entry[:status]]
    line << size(entry) << names(entry[:spans], 'span') if entry[:spans]
    line << size(entry) << names(entry[:metrics], 'metric') if entry[:metrics]
    line << entry[:error]
    say printable(line.compact.join('  '))
  end

  def size(entry)
    encoding = entry[:headers]['content-encoding']
    encoding ? "#{entry[:wire_bytes]} bytes (#{encoding} of #{entry[:bytes]})" : "#{entry[:bytes]} bytes"
  end

  def names(names, kind)
    counts = names.tally.map { |name, count| count > 1 ? "#{name} x#{count}" : name }
    counts = [*counts.first(MAX_NAMES), 'and others'] if counts.size > MAX_NAMES
    "#{names.size} #{kind}#{'s' unless names.one?}: #{counts.join(', ')}"
  end

  # Names are the sender's: they must not drive the terminal.
  def printable(text)
    text.scrub('?').gsub(/[^[:print:]]|\p{Cf}/) { |character| format('\u{%x}', character.ord) }
  end

  def say(text)
    $stdout.syswrite("#{text}\n")
  rescue SystemCallError
    nil # nobody reads any more, which is not the sender's concern
  end
end
