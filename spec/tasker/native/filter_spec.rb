# frozen_string_literal: true

require 'json'

# Which values of a payload never leave the process.
RSpec.describe 'The filter' do
  let(:mask) { '[FILTERED]' }

  # What became of each key of a payload.
  def filtered(payload)
    attributes = span_of(payload).attributes.transform_keys { |key| key.delete_prefix('tasker.') }
    payload.to_h { |key, _| [key.to_s, attributes[key.to_s]] }
  end

  def filtered_nested(value)
    JSON.parse(filtered(value: value)['value'])
  end

  describe 'without settings' do
    it 'masks what upstream masks' do
      names = %w[passw email secret token _key crypt salt certificate otp ssn]

      expect(telemetry.filter_parameters).to eq(names.map(&:to_sym))
      expect(filtered(names.to_h { |name| ["my_#{name}s", 'x'] }).values).to all(eq(mask))
    end

    it 'leaves everything else' do
      expect(filtered('card' => 'x', 'pass' => 'y', 'mail' => 'z')).to eq('card' => 'x', 'pass' => 'y', 'mail' => 'z')
    end
  end

  describe 'with Symbols and Strings' do
    before { configure(filter_parameters: [:card, 'Pin', 5]) }

    it 'masks keys that contain one, whatever the case' do
      expect(filtered('card' => 1, 'CreditCardNumber' => 2, :pin => 3, 'sPINe' => 4, 'x5x' => 5).values)
        .to all(eq(mask))
    end

    it 'takes them literally' do
      configure(filter_parameters: ['a+', '(x)', '*'])

      expect(filtered('aa' => 1, 'x' => 2, 'a+' => 3, '(X)' => 4, 'b*' => 5))
        .to eq('aa' => 1, 'x' => 2, 'a+' => mask, '(X)' => mask, 'b*' => mask)
    end

    it 'masks at every depth, in Hashes and Arrays' do
      value = { a: [{ pin: 1, b: 2 }, [[{ 'card' => { c: 3 } }]]], 'CARDS' => [1, 2] }

      expect(filtered_nested(value)).to eq('a' => [{ 'pin' => mask, 'b' => 2 }, [[{ 'card' => mask }]]],
                                           'CARDS' => mask)
    end

    it 'masks nil, false, empty and large values alike' do
      values = [nil, false, '', {}, [], 'x' * 100_000, 2**80, Object.new]

      expect(filtered(values.each_with_index.to_h { |value, index| ["card#{index}", value] }).values).to all(eq(mask))
      expect(filtered_nested('card' => nil)).to eq('card' => mask)
    end

    it 'never calls what it masks' do
      asked = Class.new { def to_s = raise(Interrupt, 'asked') }.new

      expect(filtered('card' => asked)).to eq('card' => mask)
    end

    it 'masks keys whose letters fold to ASCII' do
      configure(filter_parameters: %i[password token])
      keys = %w[paſſword PAẞWORD toKen TOKEN]

      expect(filtered(keys.to_h { |key| [key, 'x'] }).values).to all(eq(mask))
      expect(filtered('paßport' => 1, 'tüken' => 2).values).to eq([1, 2])
    end

    it 'folds filters with other letters as well' do
      configure(filter_parameters: %w[größe ПАРОЛЬ])

      expect(filtered('GRÖSSE' => 1, 'Größen' => 2, 'мой пароль' => 3).values).to all(eq(mask))
      expect(filtered('grosse' => 1, 'парол' => 2).values).to eq([1, 2])
    end

    it 'masks keys in other encodings' do
      keys = %w[UTF-16LE UTF-32BE ISO-8859-1 IBM037 ISO-2022-JP].map { |encoding| 'my card'.encode(encoding) }
      spans = keys.map { |key| span_of(key => 'secret', nested: { key => 'secret' }) }

      expect(spans.flat_map { |span| span.attributes.values }.grep(/secret/)).to be_empty
    end

    it 'masks all with an empty one, as ActiveSupport does' do
      configure(filter_parameters: [''])

      expect(filtered('a' => 1, 'ü' => 2)).to eq('a' => mask, 'ü' => mask)
    end

    it 'masks nothing without any' do
      configure(filter_parameters: [])

      expect(filtered('password' => 'x', 'ü' => 'y')).to eq('password' => 'x', 'ü' => 'y')
    end
  end

  describe 'with Regexps' do
    it 'masks keys that match, with the options of the Regexp' do
      configure(filter_parameters: [/\Acard\z/, /^PIN/i])

      expect(filtered('card' => 1, 'cards' => 2, 'Card' => 3, 'pincode' => 4, 'spin' => 5))
        .to eq('card' => mask, 'cards' => 2, 'Card' => 3, 'pincode' => mask, 'spin' => 5)
    end

    it 'masks nested keys, and goes with Strings and Symbols' do
      configure(filter_parameters: [/number\z/, :pin])

      expect(filtered_nested([{ card_number: 1, pin: 2, numbers: 3 }]))
        .to eq([{ 'card_number' => mask, 'pin' => mask, 'numbers' => 3 }])
    end

    it 'masks what one of them can not be asked about, and counts it' do
      configure(filter_parameters: [Regexp.new('é'.encode('ISO-8859-1'))])
      before = stats[:filter][:masked_unjudged]

      expect(filtered('été' => 1, 'plain' => 2)).to eq('été' => mask, 'plain' => 2)
      expect(stats[:filter][:masked_unjudged]).to be > before
    end

    it 'masks what one of them fails at' do
      failing = Class.new(Regexp) { def match?(_) = raise('no') }.new('x')
      configure(filter_parameters: [failing])

      expect(filtered('any' => 1)).to eq('any' => mask)
    end
  end

  describe 'over paths' do
    it 'masks what stands below the keys of a dotted path, and no other key' do
      configure(filter_parameters: [:password, :api_key, 'credit_card.number', /token/i])

      expect(filtered('attempt_number' => 1, 'number' => 2, 'credit_card.number' => 3,
                      'credit_card' => { number: 4, holder: 'A' },
                      'orders' => [{ id: 5, 'Credit_Card' => [{ 'number' => 6 }], number: 7 }]))
        .to eq('attempt_number' => 1, 'number' => 2, 'credit_card.number' => mask,
               'credit_card' => '{"number":"[FILTERED]","holder":"A"}',
               'orders' => '[{"id":5,"Credit_Card":[{"number":"[FILTERED]"}],"number":7}]')
    end

    it 'asks a Regexp with an escaped dot for the path' do
      configure(filter_parameters: [/\Acard\.(pin|cvc)\z/])

      expect(filtered('card' => { pin: 1, kind: 2, deep: { pin: 3 } }, 'pin' => 4))
        .to eq('card' => '{"pin":"[FILTERED]","kind":2,"deep":{"pin":3}}', 'pin' => 4)
      expect(log).to be_empty
    end

    it 'folds beyond ASCII as Ruby does' do
      configure(filter_parameters: ['straße.nr'])

      expect(filtered('STRASSE' => { nr: 1 }, "STRA\u1E9EE" => { NR: 2 }, 'strasse' => { nr: 3 }))
        .to eq('STRASSE' => '{"nr":"[FILTERED]"}', "STRA\u1E9EE" => '{"NR":"[FILTERED]"}',
               'strasse' => '{"nr":"[FILTERED]"}')
    end

    it 'masks, and counts, what stands at a path that is too long, or whose Regexp raises' do
      configure(filter_parameters: ['card.number'])
      name = 'n' * 1000
      deep = filtered('a' => { name => { name => { name => { name => { name => 1 } } } } }, 'b' => { c: 2 })
      expect(deep['a']).to end_with(%("#{mask}"}}}}}))
      expect(deep['b']).to eq('{"c":2}')

      raising = Class.new(Regexp) { def match?(text) = text.include?('.') ? raise('no') : false }
      configure(filter_parameters: [raising.new('a\.b')])
      expect(filtered('a' => { b: 1 }, 'c' => 2)).to eq('a' => '{"b":"[FILTERED]"}', 'c' => 2)
      expect(Tasker::Native.stats[:filter][:masked_unjudged]).to be >= 2
    end
  end

  describe 'with Procs' do
    it 'shows them a copy of each value that is not masked and holds no others, with its key' do
      seen = []
      configure(filter_parameters: [:pin, ->(key, value) { seen << [key, value] }])
      filtered('a' => 1, b: [:x, { 'c' => nil }], 'pin' => 2)

      expect(seen).to include(['a', 1], %i[b x], ['c', nil])
      expect(seen.map(&:first)).not_to include('pin')
    end

    it 'takes what they make of it, and leaves the payload alone' do
      configure(filter_parameters: [->(key, value) { value.replace('gone') if key.to_s == 'card' }])
      payload = { 'card' => +'4', 'list' => [{ card: +'5' }, { card: +'6', kind: 'x' }] }

      expect(filtered(payload)).to eq('card' => 'gone', 'list' => '[{"card":"gone"},{"card":"gone","kind":"x"}]')
      expect(payload).to eq('card' => '4', 'list' => [{ card: '5' }, { card: '6', kind: 'x' }])
    end

    it 'shows those of three arguments the whole payload, also of a step' do
      configure(filter_parameters: [->(_key, value, all) { value.replace("of #{all[:step_name]}") if value == 'x' }])
      step = Workflow::Step.new(workflow_step_id: 1, task_id: 2, name: 'pay', results: { kind: +'x' })
      host.publish_step_completed(step)

      expect(JSON.parse(only_span.attributes['tasker.step_results'])).to eq('kind' => 'of pay')
    end

    it 'masks, and counts, what one of them raises at' do
      before = Tasker::Native.stats[:filter][:masked_unjudged]
      configure(filter_parameters: [->(key, _value) { raise 'no' if key == 'a' }])

      expect(filtered('a' => 1, 'b' => 2)).to eq('a' => mask, 'b' => 2)
      expect(Tasker::Native.stats[:filter][:masked_unjudged]).to eq(before + 1)
    end

    it 'makes spans of the right task and step, whatever they do' do
      configure(filter_parameters: [proc { raise 'no' }])
      publish('task.start_requested', task_id: 1)
      publish('step.completed', task_id: 1, step_id: 2, error_message: 'secret')
      publish('task.completed', task_id: 1)

      expect(only_span.parent_id).to eq(only_span('tasker.task.execution').span_id)
      expect(only_span.attributes.except('tasker.timestamp').values.uniq).to eq([mask])
    end
  end

  describe 'with what nobody can judge' do
    it 'masks every value when there are too many filters, or one is too long' do
      expect { configure(filter_parameters: Array.new(1_001) { |number| "filter #{number}" }) }.to output.to_stderr
      expect(filtered('any' => 1)).to eq('any' => mask)
    end
  end

  describe 'its mask' do
    it 'is what filter_mask says' do
      configure(filter_mask: '<gone>')

      expect(filtered('password' => 1, 'list' => [{ token: 2 }]))
        .to eq('password' => '<gone>', 'list' => '[{"token":"<gone>"}]')
    end

    it 'may be empty' do
      configure(filter_mask: '')

      expect(filtered('password' => 1, 'nested' => { token: 2 })).to eq('password' => '', 'nested' => '{"token":""}')
    end

    it 'is valid in what is exported, whatever its encoding was' do
      configure(filter_mask: '«»'.encode('ISO-8859-1'))

      expect(filtered('password' => 1,
                      'nested' => { token: '"' })).to eq('password' => '«»',
                                                         'nested' => '{"token":"«»"}')
    end
  end

  describe 'at run time' do
    it 'follows its settings with the next event' do
      expect(filtered('card' => 1, 'pin' => 2)).to eq('card' => 1, 'pin' => 2)
      telemetry.filter_parameters = [:card]
      expect(filtered('card' => 1, 'pin' => 2)).to eq('card' => mask, 'pin' => 2)
      telemetry.filter_parameters += [:pin]
      expect(filtered('card' => 1, 'pin' => 2)).to eq('card' => mask, 'pin' => mask)
    end

    it 'can not be changed behind its back' do
      filters = [:card]
      configure(filter_parameters: filters)
      filters.clear

      expect(filtered('card' => 1)).to eq('card' => mask)
      expect { telemetry.filter_parameters << :pin }.to raise_error(FrozenError)
    end

    it 'forgets what it knew of keys, also when it changes while one is judged' do
      switching = Class.new(Regexp) do
        def match?(key)
          Tasker.configuration.telemetry.filter_parameters = [:card] if key == 'card'
          false
        end
      end
      configure(filter_parameters: [switching.new('x')])
      filtered('card' => 1)

      expect(filtered('card' => 2)).to eq('card' => mask)
    end

    it 'judges by one list, though it changes while that is asked' do
      moving = Class.new(Regexp) do
        def match?(_key)
          Tasker.configuration.telemetry.filter_parameters = [/card/, /nothing/]
          false
        end
      end
      configure(filter_parameters: [moving.new('x'), /card/])

      expect(filtered('card' => 1)).to eq('card' => mask)
    end

    it 'leaks nothing while it changes under load' do
      configure(filter_parameters: %i[card pin])
      threads = Array.new(3) do |thread|
        Thread.new { 200.times { |i| publish('step.completed', task_id: thread, step_id: i, card: 'secret') } }
      end
      100.times { |i| configure(filter_parameters: [:card, "other#{i}"]) }
      threads.each(&:join)

      expect(step_spans.map { |span| span.attributes['tasker.card'] }.tally).to eq(mask => 600)
    end
  end

  it 'masks everywhere: attributes, events, status, errors, custom events, spans by hand' do
    configure(filter_parameters: %i[error_message card])
    failing = lambda do
      handle do
        host.publish_event('order.seen', card: 'secret')
        Tasker::Native.current_span.add_event('mine', 'card' => 'secret').set_attribute('card', 'secret')
        raise ArgumentError, 'secret'
      end
    end

    expect(&failing).to raise_error(ArgumentError)
    expect(only_span.to_h.inspect).not_to include('secret')
    expect(only_span.status_message).to eq('[FILTERED]')
    expect(only_span.events.map(&:name)).to include('order.seen', 'mine', 'step.failed', 'exception')
  end

  it 'leaves the payload of listeners alone' do
    events = listen('step.completed')
    publish('step.completed', task_id: 1, step_id: 2, password: 'secret')

    expect(events.first[:password]).to eq('secret')
  end

  it "lets scanners of the application's own see values and names of keys, at every depth and every time" do
    configure(value_scanners: [/ACME-\h+/])
    2.times do
      span = span_of('ACME-0badcafe': 'ACME-1', list: [{ 'ACME-2': 'ACME-3' }], 'ACME-4' => 1)

      expect(span.attributes.to_s).not_to include('ACME')
      expect(span.attribute('list')).to eq('[{"[FILTERED]":"[FILTERED]"}]')
    end
  end
end
