# frozen_string_literal: true

# Publishes payloads that nobody would write by hand, hostile objects among them, and checks what arrives: one span a
# step, valid text, within the limits, and not a trace of what stands under a secret key, however deep.
require_relative '../../support/torture/child'
require 'bigdecimal'
require 'date'
require 'json'
require 'set'

# Random payloads. What may not be seen is marked.
class Payloads
  SECRET = 'S3CR3T'
  SECRET_KEYS = ['password', :token, 'user_PASSWORD', :'x-api-token', 'Passwd', "nested\ntoken", 'TokenX'].freeze
  STRANGE_TEXT = ["\xFF\xFE", "\u2028\u2029\u0085", "nul\0", "\e[2J", 'ä'.encode('ISO-8859-1'), "\u{10FFFF}", '"\\',
                  (+"\xD8\x00").force_encoding('UTF-16BE'), 'wide'.encode('UTF-32LE'), "\xE4".b, ''].freeze
  STRANGE_NUMBERS = [0, -1, 2**63, -(2**63) - 1, 2**64, 2**20_000, 0.1, -0.0, Float::NAN, -Float::INFINITY, 1e-320,
                     Rational(1, 3), Complex(1, 2), BigDecimal('1e400')].freeze

  # Raises, lies, changes what is being walked, or gives something endless.
  class Hostile
    def initialize(random, payload)
      @random = random
      @payload = payload
    end

    %i[to_s iso8601 strftime inspect to_str to_hash to_ary respond_to_missing?].each do |question|
      define_method(question) { |*| misbehave }
    end

    private

    def misbehave
      case @random.rand(8)
      when 0 then raise 'hostile'
      when 1 then misbehave
      when 2 then nil
      when 3 then @payload.each_value { |value| value.clear if value.is_a?(Array) } && 'cleared'
      when 4 then @payload[:"added #{@random.rand(100)}"] = 1 # raises: it is being walked
      when 5 then 'x' * 200_000
      when 6 then raise NotImplementedError
      else +"\xFFfine"
      end
    end
  end

  def initialize(random)
    @random = random
  end

  def next(step_id)
    @payload = { task_id: 'T', step_id: step_id }
    @random.rand(12).times { @payload[key] = value(0) }
    SECRET_KEYS.sample(3, random: @random).each { |key| @payload[key] = secret(0) }
    @payload
  end

  private

  def pick(*choices)
    choices[@random.rand(choices.size)]
  end

  def key
    case @random.rand(10)
    when 0 then @random.rand(1000)
    when 1 then STRANGE_TEXT[@random.rand(STRANGE_TEXT.size)]
    when 2 then Object.new
    when 3 then 'k' * @random.rand(3000)
    when 4 then nil
    when 5 then [1, 'a']
    else pick("key#{@random.rand(50)}", :"key#{@random.rand(50)}", :"dynamic #{@random.rand(10_000)}")
    end
  end

  def value(depth)
    case @random.rand(depth > 6 ? 6 : 10)
    when 0 then STRANGE_NUMBERS[@random.rand(STRANGE_NUMBERS.size)]
    when 1 then STRANGE_TEXT[@random.rand(STRANGE_TEXT.size)]
    when 2 then 'text ' * @random.rand(20)
    when 3 then pick(nil, true, false, :symbol, Time.now, Time.at(-1e9), Date.today, 1..2, Set[1], /x/, String,
                     BasicObject.new)
    when 4 then Hostile.new(@random, @payload)
    when 5 then rare
    when 6, 7 then Array.new(@random.rand(5)) { value(depth + 1) }
    else hash(depth)
    end
  end

  # Seldom: what is large, deep, or goes round in circles.
  def rare
    return 'seldom' unless @random.rand(10).zero?

    pick(-> { 'long' * 50_000 }, -> { Array.new(5000) { |i| i } }, -> { nested(150) },
         -> { [].tap { |array| array << array } }, -> { {}.tap { |hash| hash[:again] = hash } }).call
  end

  def nested(depth)
    (1..depth).inject({}) { |inner, _| { a: inner, token: SECRET } }
  end

  def hash(depth)
    hash = {}
    @random.rand(5).times { hash[key] = value(depth + 1) }
    hash[SECRET_KEYS[@random.rand(SECRET_KEYS.size)]] = secret(depth) if @random.rand(3).zero?
    hash
  end

  def secret(depth)
    pick(SECRET, { deep: [SECRET] }, [SECRET, value(depth + 5)], SECRET.to_sym, "#{SECRET}#{'x' * 1000}")
  end
end

# What must hold of a span, whatever was published.
module Arrived
  MARK = 64 # "... [truncated, N bytes]"

  module_function

  def check(span, number)
    Child.check(span.attributes['tasker.step_id'] == number.to_s, "the id of step #{number}")
    Child.check(span.attributes.size <= 128, "128 attributes at most: #{span.attributes.size}")
    span.attributes.each { |key, value| check_attribute(key, value) }
    return unless span.attributes.key?('tasker.password')

    password = span.attributes.fetch('tasker.password', '[FILTERED]')
    Child.check(password == '[FILTERED]', "a masked password: #{password}")
  end

  def check_attribute(key, value)
    Child.check(key.valid_encoding? && key.bytesize <= 1024 + 7, "a key: #{key.inspect}")
    case value
    when String
      Child.check(value.valid_encoding? && value.bytesize <= 65_536,
                  "text of #{value.bytesize} bytes under #{key.inspect}")
    when Integer then Child.check(value.bit_length < 64, "an integer of 64 bits: #{value}")
    when Float, true, false then nil
    else Child.check(false, "no #{value.class} under #{key.inspect}")
    end
  end
end

Child.configure(filter_parameters: %i[passw token], max_queue_size: 1_000_000, max_queue_bytes: 2**30)
random = Random.new(Child::SEED)
payloads = Payloads.new(random)
published = 0
Child.amount(2000).times do
  Child.publisher.publish('step.completed', payloads.next(published += 1))
  next unless (published % 100).zero?

  Tasker::Native.flush
  raw = Tasker::Native::Pipeline.take_memory
  Child.check(!raw.include?(Payloads::SECRET),
              "no secret among #{published - 99} to #{published}: #{raw[/.{200}S3CR3T.{50}/]}")
  spans = raw.each_line.flat_map { |line| Tasker::Native::TraceFile.parse(line) }
  Child.check(spans.size == 100, "100 spans, not #{spans.size}")
  spans.each_with_index { |span, i| Arrived.check(span, published - 99 + i) }
  Child.audit
end
masked = Tasker::Native.stats[:filter][:masked_unjudged]
Child.check(masked.positive?, 'something could not be judged')
Child.done("#{published} payloads, #{masked} values masked that could not be judged")
