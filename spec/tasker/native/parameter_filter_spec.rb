# frozen_string_literal: true

require 'active_support'
require 'active_support/core_ext/hash/indifferent_access'
require 'active_support/parameter_filter'
require 'etc'
require 'timeout'

# Documents that ActiveSupport filters alike are in parameter_filter_property_spec.rb; here are kinds of filters, what
# can't be judged, and who may use it.
RSpec.describe Tasker::Native::ParameterFilter do
  let(:mask) { '[FILTERED]' }

  def filter(*filters, **options)
    described_class.new(filters, **options)
  end

  def rails(*filters)
    ActiveSupport::ParameterFilter.new(filters)
  end

  describe '#filter' do
    it 'hides by Strings, Symbols and other objects, a part of the key in any case' do
      expect(filter('passw', :Token, 13).filter('user_PASSWORD' => 1, api_token: 2, 413 => 3, name: 4, nil => nil))
        .to eq('user_PASSWORD' => mask, api_token: mask, 413 => mask, name: 4, nil => nil)
    end

    it 'hides by Regexps, with their own options' do
      expect(filter(/\Apin\z/, /IBAN/i, /a b/x).filter('pin' => 1, 'PIN' => 2, spinning: 3, my_iban: 4, 'ab' => 5,
                                                       'a b' => 6))
        .to eq('pin' => mask, 'PIN' => 2, spinning: 3, my_iban: mask, 'ab' => mask, 'a b' => 6)
    end

    it 'hides by paths, through Hashes and Arrays' do
      found = filter('card.number', /\Auser\.(pin|puk)\z/)
              .filter(card: { number: 1, kind: 'x' }, number: 2, cards: [{ 'card' => [[{ number: 3 }]] }],
                      'card.number' => 4, user: { pin: 5, spin: 6, deep: { pin: 7 } })

      expect(found).to eq(card: { number: mask, kind: 'x' }, number: 2, cards: [{ 'card' => [[{ number: mask }]] }],
                          'card.number' => mask, user: { pin: mask, spin: 6, deep: { pin: 7 } })
    end

    it 'gives Procs copies of what is left, which they may change' do
      given = { 'city' => +'Oslo', 'password' => +'x', list: [+'a', nil, 1], all: {} }
      reverse = ->(key, value) { value.reverse! if key.to_s == 'city' }
      tell = ->(_key, value, all) { value << " of #{all.size}" if value.is_a?(String) }

      expect(filter(:passw, reverse, tell).filter(given))
        .to eq('city' => 'olsO of 4', 'password' => mask, list: ['a of 4', nil, 1], all: {})
      expect(given).to eq('city' => 'Oslo', 'password' => 'x', list: ['a', nil, 1], all: {})
    end

    it 'gives the same classes back, without defaults' do
      indifferent = { token: 1, deep: { 'a' => 2 } }.with_indifferent_access
      own = Class.new(Hash)
      results = [indifferent, own.new.update(token: 1), Hash.new(5).update(token: 1), Hash.new { 6 }.update(token: 1)]
                .map { |given| filter(:token).filter(given) }

      expect(results.map(&:class)).to eq([indifferent.class, own, Hash, Hash])
      expect(results.first[:deep]).to be_a(indifferent.class)
      expect(results.map { |result| result[:nothing] }).to all(be_nil)
    end

    it 'takes Hashes that compare by identity for what they say' do
      given = {}.compare_by_identity
      2.times { |i| given[String.new('token')] = i } # rubocop:disable Performance/UnfreezeString -- different ones
      given[:name] = 'x'

      expect(filter(:token).filter(given)).to eq(rails(:token).filter(given)).and eq('token' => mask, name: 'x')
    end

    it 'takes parameters of other classes that have each and []=' do
      parameters = Class.new do
        include Enumerable

        def []=(key, value)
          (@pairs ||= {})[key] = value
        end

        def each(&)
          @pairs.each(&)
        end
      end
      given = parameters.new
      given['token'] = 'x'
      given['deep'] = { token: 1, name: 2 }

      expect(filter(:token).filter(given)).to be_a(parameters)
        .and have_attributes(to_a: [['token', mask], ['deep', { token: mask, name: 2 }]])
    end

    it 'puts any object into the place of a value' do
      object = Object.new
      expect([nil, false, :hidden, 5, object].map { |one| filter(:a, mask: one).filter(a: 1) })
        .to eq([{ a: nil }, { a: false }, { a: :hidden }, { a: 5 }, { a: object }])
    end

    it 'leaves what it is given alone, frozen or not' do
      given = { token: +'x', list: [{ token: +'y', name: +'z' }.freeze].freeze }.freeze
      before = Marshal.dump(given)

      expect(filter(:token).filter(given)).to eq(token: mask, list: [{ token: mask, name: 'z' }])
      expect(Marshal.dump(given)).to eq(before)
      expect(filter.filter(given)).to eq(given).and(satisfy { |copy| !copy.equal?(given) })
    end

    it 'judges keys as Unicode folds them' do
      expect(filter(:password, 'größe', 'token').filter('paſſWORD' => 1, "to\u212Aen" => 2, 'GRÖSSE' => 3,
                                                        'grosse' => 4))
        .to eq('paſſWORD' => mask, "to\u212Aen" => mask, 'GRÖSSE' => mask, 'grosse' => 4)
    end

    it 'judges keys of any length' do
      long = 'x' * 100_000
      expect(filter(:token).filter("#{long}token" => 1, long => 2, "#{long}ö" => 3))
        .to eq("#{long}token" => mask, long => 2, "#{long}ö" => 3)
    end

    it 'judges each key apart, though objects come and go' do
      keys = filter(:token)
      5.times do |round|
        found = Array.new(3000) { |i| [i.even? ? "token #{i} #{round}" : "name #{i} #{round}", i] }.to_h
        found = keys.filter(found).select { |_, value| value == mask }
        expect(found.keys).to all(start_with('token')).and(satisfy { |hidden| hidden.size == 1500 })
        GC.start
      end
      expect(keys.filter(0 => 1, 1 => 2, false => 3, true => 4, nil => 5, 6 => 7))
        .to eq(0 => 1, 1 => 2, false => 3, true => 4, nil => 5, 6 => 7)
    end
  end

  describe '#filter_param' do
    it 'hides a value by its key, and what is in it by the keys there' do
      one = filter(:token, 'card.number')

      expect([one.filter_param(:token, nil), one.filter_param('name', 'x')]).to eq([mask, 'x'])
      expect(one.filter_param('card', { number: 1, token: 2, kind: 3 })).to eq(number: mask, token: mask, kind: 3)
      expect(one.filter_param(:list, [{ token: 1 }])).to eq([{ token: mask }])
    end

    it 'gives Procs no parameters' do
      given = :nothing
      filter(->(_key, _value, all) { given = all }).filter_param('a', 'b')

      expect(given).to be_nil
    end
  end

  describe '.precompile_filters' do
    it 'makes one Regexp, and leaves Procs' do
      own = proc {}
      found = described_class.precompile_filters([:token, 'user_token', /\Apin\z/, 'card.number', own])

      expect(found).to match([own, a_kind_of(Regexp)])
      expect(filter(*found.last).filter(pin: 1, user: { pin: 2, token: 3 }, card: { number: 4 }))
        .to eq(pin: mask, user: { pin: mask, token: mask }, card: { number: mask })
    end

    it 'leaves out what hides nothing more' do
      expect(described_class.precompile_filters(%w[user.token token])).to eq([/token/i])
      expect(filter(*described_class.precompile_filters(%w[s
                                                           password])).filter('paßword' => 1)).to eq('paßword' => mask)
      expect(described_class.precompile_filters([])).to eq([])
    end
  end

  describe 'scanners of values' do
    let(:text) { 'paid with 4111 1111 1111 1111 by http://a:b@c' }

    it 'are off, unless they are wanted' do
      expect(filter.filter(note: text)).to eq(note: text)
      expect(filter(filter_values: true).filter(note: text, list: [text, 4_111_111_111_111_111],
                                                sym: :'4111111111111111'))
        .to eq(note: (clean = "paid with #{mask} by http://a:#{mask}@c"), list: [clean, mask], sym: mask)
    end

    it 'are switched off one by one, and for keys' do
      one = filter(filter_values: { url_passwords: false, except: [:order_number, 'list'] })

      expect(one.filter(note: text, order_number: text, list: [text])).to eq(
        note: "paid with #{mask} by http://a:b@c", order_number: text, list: [text]
      )
    end

    it 'may be your own: Regexps and what answers call' do
      one = filter(value_scanners: [/ACME-\h+/, ->(found) { found.tr('a', 'x') }])

      expect(one.filter(note: 'a ACME-0badcafe', number: 5)).to eq(note: "x #{mask}", number: 5)
    end

    it 'leave Strings as they are that have no secret' do
      given = { note: +'nothing', binary: "\xFF\x00".b }
      expect(filter(filter_values: true).filter(given)).to eq(given)
    end

    it 'look at texts of other encodings, too' do
      found = filter(filter_values: true).filter(a: '4111111111111111'.encode('UTF-16LE'), b: "\xFF4111111111111111")

      expect(found).to eq(a: mask, b: "\uFFFD#{mask}")
    end

    it 'look at all of a text that is no valid UTF-8, however long' do
      found = filter(filter_values: true).filter(a: "#{"\xFF" * 1_000_000} 4111111111111111")[:a]

      expect(found).to end_with("\uFFFD #{mask}")
    end

    it 'are what there is, or nothing' do
      expect do
        filter(filter_values: { cards: false })
      end.to raise_error(ArgumentError, /filter_values: must be .*card_numbers/)
      expect { filter(filter_values: 1) }.to raise_error(ArgumentError, /filter_values/)
      expect do
        filter(value_scanners: ['x'])
      end.to raise_error(ArgumentError, /value_scanners: must be an Array of Regexps/)
    end
  end

  describe 'what nobody can judge' do
    def hidden(one, given)
      found = one.filter(given)
      [found, one.stats[:masked_unjudged]]
    end

    it 'is masked and counted: keys that are no text' do
      lying = Class.new { def to_s = 5 }.new
      raising = Class.new { def to_s = raise('no') }.new

      expect(hidden(filter(:token),
                    { "\xFFname" => 1, (+"\xD8\x00").force_encoding('UTF-16BE') => 2, lying => 3, raising => 4 }))
        .to match([satisfy { |found| found.values == [mask] * 4 }, 4])
    end

    it 'is masked and counted: cycles, and what is deeper than a hundred' do
      cycle = { name: 'x' }
      cycle[:self] = [cycle]
      deep = 20_000.times.inject({ name: 'x' }) { |inner, _| { a: inner } }
      shallow = 90.times.inject({ name: 'x' }) { |inner, _| { a: inner } }

      expect(hidden(filter(:token), cycle)).to eq([{ name: 'x', self: [mask] }, 1])
      expect(filter(:token).filter(deep).to_s).to include("=>\"#{mask}\"")
      expect(filter(:token).filter(shallow)).to eq(shallow)
    end

    it 'is masked and counted: what stands at a path that is too long, and nothing else' do
      given = { 'x' * 2_000_000 => { number: 1 }, card: { number: 2, kind: 3 }, deep: { kind: { number: 4 } } }
      found, unjudged = hidden(filter('card.number'), given)

      expect(found.values).to eq([mask, { number: mask, kind: 3 }, { kind: { number: 4 } }])
      expect(unjudged).to eq(1)
    end

    it 'is masked and counted: what a Proc or a scanner raised at' do
      raising = ->(_key, value) { raise NotImplementedError if value == 'a' }
      forgetful = ->(text) { text == 'b' ? nil : text }
      one = filter(raising, value_scanners: [forgetful])

      expect(hidden(one, { a: 'a', b: 'b', c: 'c' })).to eq([{ a: mask, b: mask, c: 'c' }, 2])
    end

    it 'is masked and counted: what a Regexp raised at' do
      raising = Class.new(Regexp) { def match?(*) = raise('no') }

      expect(hidden(filter(raising.new('x')), { a: 1 })).to eq([{ a: mask }, 1])
    end

    it 'is masked within two seconds: a key that a Regexp takes forever for' do
      started = Process.clock_gettime(Process::CLOCK_MONOTONIC)
      found = hidden(filter(/\A(a|aa)+\z/, /\A(b|bb)+\z/), { "#{'a' * 60}!" => 1, name: 2 })

      expect(found.first.values.last).to eq(2)
      expect(Process.clock_gettime(Process::CLOCK_MONOTONIC) - started).to be < 2
    end

    it 'is all, when there are too many filters' do
      found = nil
      expect do
        found = described_class.new([*1..1001]).filter(a: 1, 'b' => [2])
      end.to output(/every value is masked/).to_stderr
      expect(found).to eq(a: mask, 'b' => mask)
    end
  end

  describe 'where ActiveSupport leaks or raises' do
    it 'hides below another key what an anchored filter hides, precompiled with a path' do
      filters = [/\Apin\z/, 'card.number']
      theirs = Regexp.union(/\Apin\z/, /card\.number/i) # as Rails has it from 8.2 on

      expect(rails(theirs).filter('user' => { 'pin' => 1 })).to eq('user' => { 'pin' => 1 })
      expect(filter(*described_class.precompile_filters(filters)).filter('user' => { 'pin' => 1 }))
        .to eq('user' => { 'pin' => mask })
    end

    it 'hides behind keys that are no valid text' do
      expect { rails(:token).filter("\xFFtoken" => 1) }.to raise_error(ArgumentError)
      expect(filter(:token).filter("\xFFtoken" => 1).values).to eq([mask])
    end

    it 'hides cycles' do
      cycle = {}
      cycle[:self] = cycle
      expect { rails(:token).filter(cycle) }.to raise_error(SystemStackError)
      expect(filter(:token).filter(cycle)).to eq(self: mask)
    end

    it 'hides what a Proc raised at' do
      raising = ->(_key, _value) { raise 'no' }
      expect { rails(raising).filter(a: 1) }.to raise_error('no')
      expect(filter(raising).filter(a: 1)).to eq(a: mask)
    end
  end

  describe 'whoever uses it' do
    let(:one) { filter(:token, 'card.number', /\Apin\z/i, filter_values: true) }

    def document(number)
      { token: 1, "name #{number}" => 'x', card: { number: number, kind: "4111111111111111, #{number}" },
        list: [{ 'PIN' => 2, "token_#{number}": 3 }] }
    end

    def filtered(number)
      { token: mask, "name #{number}" => 'x', card: { number: mask, kind: "#{mask}, #{number}" },
        list: [{ 'PIN' => mask, "token_#{number}": mask }] }
    end

    it 'may be eight threads, while memory is compacted' do
      threads = Array.new(8) do |thread|
        Thread.new { Array.new(300) { |i| one.filter(document((thread * 300) + i)) == filtered((thread * 300) + i) } }
      end
      10.times { GC.respond_to?(:compact) ? GC.compact : GC.start }

      expect(threads.flat_map(&:value)).to all(be(true))
    end

    it 'may be Ractors, once it is shareable' do
      script = <<~RUBY
        require 'tasker/native'
        filter = Tasker::Native::ParameterFilter.new([:token, 'card.number', /pin/i, 'größe'], filter_values: true)
        Ractor.make_shareable(filter)
        found = Array.new(4) do |n|
          Ractor.new(filter, n) do |one, number|
            Array.new(500) do |i|
              one.filter(token: 1, "name \#{number} \#{i}" => '4111111111111111', 'GRÖSSE' => 2, card: { number: 3 }).values
            end.uniq
          end
        end.map(&:take)
        puts found.uniq.inspect
      RUBY
      result = run_ruby(script)

      expect(result.out).to eq("[[[\"#{mask}\", \"#{mask}\", \"#{mask}\", {:number=>\"#{mask}\"}]]]\n").or eq(
        "[[[\"#{mask}\", \"#{mask}\", \"#{mask}\", {number: \"#{mask}\"}]]]\n"
      )
    end

    it 'may be Ractors that match keys of several encodings by the same Regexps' do
      script = <<~RUBY
        require 'tasker/native'
        Array.new(60) do
          filter = Ractor.make_shareable(Tasker::Native::ParameterFilter.new([Regexp.new('pin', true), /ähn/]))
          found = Array.new(4) do |n|
            Ractor.new(filter, n) do |one, number|
              Array.new(200) { |i| one.filter("a\#{number} \#{i}" => 1, "ä\#{number} \#{i}" => 2, 'PIN' => 3).values }.uniq
            end
          end
          puts found.map(&:take).uniq.inspect
        end
      RUBY
      result = run_ruby(script)

      expect(result.out).to eq("[[[1, 2, \"#{mask}\"]]]\n" * 60), result.err
    end

    # For valgrind, Ruby 3.1 reads below the stack after any Fiber.
    it 'may be a Fiber, whose stack is small', :no_valgrind do
      deep = 95.times.inject({ 'token' => 1 }) { |inner, i| i.even? ? { "a#{i}" => inner } : [inner] }
      found = Fiber.new { one.filter(deep) }.resume

      expect(found.to_s).to include(mask)
    end

    it 'may be a copy of it' do
      expect([one.dup, one.clone, one.clone(freeze: true)].map { |copy| copy.filter(token: 1, a: 2) }.uniq)
        .to eq([{ token: mask, a: 2 }])
    end

    it 'tells nothing of its filters' do
      expect(one.inspect).to eq("#<#{described_class}>")
    end

    it 'keeps no large key, no Symbol, and little of a million keys', :no_valgrind do
      script = <<~RUBY
        require 'tasker/native'
        def memory = File.read('/proc/self/status')[/VmRSS:\\s+(\\d+)/, 1].to_i / 1024
        filter = Tasker::Native::ParameterFilter.new([:token, /pin/, 'a.b'])
        200_000.times { |i| filter.filter("warm \#{i}" => 1) }
        GC.start
        before = memory
        symbols = Symbol.all_symbols.size
        1_000_000.times do |i|
          filter.filter("key number \#{i}" => 1)
          filter.filter("dynamic \#{i}".to_sym => { "b \#{i}": 1 }) if (i % 10).zero?
          filter.filter('large' * 10_000 + i.to_s => 1) if (i % 10_000).zero?
        end
        GC.start
        GC.start
        large = ObjectSpace.each_object(String).count { |string| string.bytesize > 40_000 }
        puts [memory - before, Symbol.all_symbols.size - symbols, large].join(' ')
      RUBY
      grown, symbols, large = ruby(script).split.map(&:to_i)

      expect(grown).to be < 40
      expect(symbols).to be < 100
      expect(large).to be < 5
    end
  end
end
