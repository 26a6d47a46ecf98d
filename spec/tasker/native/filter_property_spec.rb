# frozen_string_literal: true

require 'active_support'
require 'active_support/parameter_filter'
require 'json'

# The reference is ActiveSupport::ParameterFilter: what it masks, we mask.
RSpec.describe 'The filter, on random payloads' do
  let(:random) { Random.new(RSpec.configuration.seed) }
  let(:mask) { '[FILTERED]' }

  # Few letters, so that filters hit; and letters that fold to others.
  let(:letters) do
    %w[a b k s p w o r d t e n _ - . + A B K
       S] + [' ', 'ü', 'Ü', 'ß', "\u1E9E", "\u017F", "\u212A", 'ё', 'Ё', 'ﬁ', "\u0130"]
  end
  let(:words) { %w[password token PASSWORD paſſword toKen größe GRÖSSE api_key] }

  def pick(list)
    list[random.rand(list.size)]
  end

  def random_text(sizes)
    return pick(words) if random.rand < 0.15

    Array.new(random.rand(sizes)) { pick(letters) }.join
  end

  def random_value(depth)
    case depth < 4 ? random.rand(9) : random.rand(4)
    when 0 then random.rand(1000)
    when 1 then nil
    when 2, 3 then random_text(0..5)
    when 4, 5 then Array.new(random.rand(4)) { random_value(depth + 1) }
    else random_hash(depth + 1)
    end
  end

  def random_hash(depth, size = random.rand(5))
    Array.new(size) { [random_text(1..6), random_value(depth)] }.to_h
  end

  # Plain ones, without the dots that make them paths.
  def random_filters
    Array.new(1 + random.rand(4)) { random_text(1..3).delete('.') }.reject(&:empty?)
         .map { |text| pick([text, text.to_sym]) }
  end

  # What was exported of each payload, in the form of the payload.
  def exported(payloads)
    Tasker::Native::Testing.reset!
    payloads.each_with_index { |payload, number| publish('step.completed', { task_id: 1, step_id: number, **payload }) }
    step_spans.zip(payloads).map do |span, payload|
      payload.to_h { |key, value| [key, parsed(span.attributes["tasker.#{key}"], value)] }
    end
  end

  def parsed(text, original)
    [Hash, Array].include?(original.class) && text != mask ? JSON.parse(text) : text
  end

  # What Ruby writes itself passes the same filter.
  def expect_the_same_elsewhere(payloads, exported)
    own = Tasker::Native.filter
    expect(payloads.map { |payload| own.filter(payload) }).to eq(exported)
    expect(payloads.map { |payload| JSON.parse(own.json(payload)) }).to eq(exported)
  end

  def compare(filters)
    configure(filter_parameters: filters)
    payloads = Array.new(100) { random_hash(1, 1 + random.rand(8)) }
    reference = ActiveSupport::ParameterFilter.new(filters, mask: mask)
    exported = exported(payloads)
    expect_the_same_elsewhere(payloads, exported)
    payloads.zip(exported).each { |payload, ours| yield reference.filter(payload), ours }
  end

  it 'masks just what the reference masks, for 3,000 payloads and Symbols and Strings' do
    30.times do
      filters = random_filters
      compare(filters) { |reference, ours| expect(ours).to eq(reference), "#{filters}: #{reference} became #{ours}" }
    end
  end

  it 'masks just what the reference masks, for 2,000 payloads and filters with dotted paths' do
    20.times do
      filters = [*random_filters, Array.new(2) { random_text(1..2) }.join('.'), "#{pick(letters)}.#{pick(letters)}"]
      compare(filters) { |reference, ours| expect(ours).to eq(reference), "#{filters}: #{reference} became #{ours}" }
    end
  end

  it 'masks just what the reference masks, for 2,000 payloads and Regexps over paths' do
    20.times do
      filters = Array.new(2) do
        Regexp.new("#{Regexp.escape(pick(letters))}\\.#{pick(letters + ['.*'])}", pick([0, Regexp::IGNORECASE]))
      end
      compare(filters) { |reference, ours| expect(ours).to eq(reference), "#{filters}: #{reference} became #{ours}" }
    end
  end

  it 'masks just what the reference masks, for 2,000 payloads and Regexps' do
    20.times do
      filters = Array.new(2) { Regexp.new(Regexp.escape(random_text(1..2).delete('.')), pick([0, Regexp::IGNORECASE])) }
      compare(filters) { |reference, ours| expect(ours).to eq(reference), "#{filters}: #{reference} became #{ours}" }
    end
  end
end
