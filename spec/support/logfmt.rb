# frozen_string_literal: true

require 'json'
require 'strscan'

# A reader of logfmt that is as strict as the strictest: keys have neither blanks nor quotes nor control characters, a
# value is quoted as in JSON, or is a number or a boolean.
module Logfmt
  KEY = /[^ ="\p{Cntrl}\u2028\u2029\uFFFD]+/
  VALUE = /"(?:[^"\\\p{Cntrl}]|\\.)*"|[^\s"=]+/

  # @param line [String]
  # @return [Hash{String=>Object}] what stands twice is an error
  # @raise [ArgumentError] for what is no logfmt
  def self.parse(line)
    scanner = StringScanner.new(line)
    fields = {}
    loop do
      key = scanner.scan(KEY)
      raise ArgumentError, "no pair at #{scanner.rest.inspect}" unless key && scanner.skip(/=/)
      raise ArgumentError, "#{key} stands twice" if fields.key?(key)

      fields[key] = value(scanner)
      return fields if scanner.eos?
      raise ArgumentError, "no blank at #{scanner.rest.inspect}" unless scanner.skip(/ /)
    end
  end

  def self.value(scanner)
    text = scanner.scan(VALUE) or raise ArgumentError, "no value at #{scanner.rest.inspect}"
    JSON.parse(text)
  rescue JSON::ParserError
    raise ArgumentError, "no value: #{text}"
  end
  private_class_method :value
end
