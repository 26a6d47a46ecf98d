# frozen_string_literal: true

require 'digest'
require 'json'
require 'openssl'

# Secrets that must not be found anywhere, and texts that look like some and must be found as they are. None is real:
# each is put together here, so that nobody's scanner of repositories takes it for one that is.
module Canaries
  # A secret. text: what is planted; traces: what may be found nowhere.
  Secret = Struct.new(:name, :text, :traces) do
    def self.of(name, text, *traces)
      new(name, text, traces.empty? ? [text] : traces)
    end

    # @param everything [String] bytes
    # @return [Boolean]
    def in?(everything)
      traces.any? { |trace| everything.include?(trace.b) }
    end
  end

  RANDOM = Random.new(7)
  private_constant :RANDOM

  class << self
    # @return [Array<Secret>] 26 that their looks give away, wherever they stand
    def of_values
      @of_values ||= cards + tokens + keys_of_services + urls
    end

    # @return [Hash{Object=>Secret}] 14 that only their keys give away
    def of_keys
      @of_keys ||= {
        password: 'one', 'user_password' => 'two', 'PASSWD' => 'three', api_token: 'four', 'X-Auth-Token' => 'five',
        client_secret: 'six', 'stripe_key' => 'seven', salt: 'eight', 'encrypted_crypto' => 'nine', otp: 'ten',
        'ſsn' => 'eleven', :paſſword => 'twelve', 'card.cvc' => 'thirteen', 'Iban' => 'fourteen'
      }.transform_values { |word| Secret.of("key #{word}", "canary-#{word}-#{random(12)}") }
    end

    # @return [Array<Secret>] all 40
    def all
      of_values + of_keys.values
    end

    # @return [Array<String>] 200
    def look_alikes
      @look_alikes ||= orders + digests + uuids + times + books + words
    end

    private

    def random(size, from = [*'a'..'z', *'A'..'Z', *'0'..'9'])
      Array.new(size) { from.sample(random: RANDOM) }.join
    end

    def digits(size)
      random(size, [*'0'..'9'])
    end

    # Whose last digit is the one that Luhn's check wants, or another.
    def number(prefix, size, good: true)
      body = prefix + digits(size - prefix.size - 1)
      sum = body.reverse.each_char.with_index.sum { |digit, i| (digit.to_i * (i.even? ? 2 : 1)).digits.sum }
      check = (10 - (sum % 10)) % 10
      "#{body}#{good ? check : (check + 3) % 10}"
    end

    def grouped(number, separator, sizes = [4, 4, 4, 4])
      rest = number.dup
      sizes.map { |size| rest.slice!(0, size) }.join(separator)
    end

    def cards
      visa = grouped(number('4', 16), ' ')
      master = grouped(number('53', 16), '-')
      amex = grouped(number('37', 15), ' ', [4, 6, 5])
      plain = { visa: ['4', 16], discover: ['6011', 16], old_visa: ['4', 13], union_pay: ['62', 19] }
      [Secret.of('card in groups', visa), Secret.of('card with dashes', master), Secret.of('card of fifteen', amex),
       *plain.map { |name, (prefix, size)| Secret.of("card #{name}", number(prefix, size)) }]
    end

    def base64url(data)
      [data].pack('m0').tr('+/', '-_').delete('=')
    end

    def tokens
      signature = random(43)
      jwt = [base64url('{"alg":"HS256"}'), base64url(%({"sub":"#{random(20)}"})), signature].join('.')
      key = OpenSSL::PKey::EC.generate('prime256v1').to_pem
      opaque = random(32)
      basic = [%(shop:#{random(14)})].pack('m0')
      other = random(24)
      [Secret.of('jwt', jwt, signature), Secret.of('private key', key, *key.lines(chomp: true)[1..-2]),
       Secret.of('escaped key', key.gsub("\n", '\n'), *key.lines(chomp: true)[1..-2]),
       Secret.of('bearer', "Authorization: Bearer #{opaque}", opaque), Secret.of('basic', "Basic #{basic}", basic),
       Secret.of('other scheme', "authorization: Token #{other}", other)]
    end

    def keys_of_services
      upper = [*'A'..'Z', *'2'..'7']
      secret = random(40)
      [Secret.of('aws id', "AKIA#{random(16, upper)}"), Secret.of('aws session', "ASIA#{random(16, upper)}"),
       Secret.of('aws secret', "aws_secret_access_key = #{secret}", secret),
       Secret.of('github', "ghp_#{random(36)}"), Secret.of('github fine', "github_pat_#{random(22)}_#{random(59)}"),
       Secret.of('slack', "xoxb-#{digits(12)}-#{random(24)}"),
       Secret.of('stripe', %w[sk live].push(random(24)).join('_')), Secret.of('webhook', "whsec_#{random(32)}")]
    end

    def urls
      { 'http' => random(12), 'postgres' => "p@#{random(9)}", 'redis' => random(16),
        'amqp' => "#{random(4)}:#{random(5)}", 'mysql2' => random(8) }.map do |scheme, password|
        Secret.of("#{scheme} url", "#{scheme}://#{'shop' unless scheme == 'redis'}:#{password}@db.example:1234/0",
                  password)
      end
    end

    def orders
      Array.new(10) { |i| "ORD-2026-#{digits(7)}-#{i}" } + Array.new(30) { number('4', 16, good: false) } +
        Array.new(10) { digits(12) } + Array.new(10) { "1Z#{random(16, [*'A'..'Z', *'0'..'9'])}" }
    end

    def digests
      hex = [Digest::MD5, Digest::SHA1, Digest::SHA256].product([*1..10]).map { |kind, i| kind.hexdigest("text #{i}") }
      hex + Array.new(5) { |i| "sha256-#{Digest::SHA256.base64digest("base64 #{i}")}" }
    end

    def uuids
      Array.new(30) do
        hex = random(32, [*'0'..'9', *'a'..'f'])
        grouped(hex, '-', [8, 4, 4, 4, 12])
      end
    end

    def times
      Array.new(15) { Time.at(RANDOM.rand(2**31), in: 'UTC').strftime('%Y-%m-%dT%H:%M:%S.123456Z') } +
        Array.new(15) { (1_700_000_000_000 + RANDOM.rand(10**11)).to_s } +
        Array.new(5) { "#{1_700_000_000 + RANDOM.rand(10**8)}.#{digits(9)}" }
    end

    def books
      Array.new(10) { "978-#{digits(1)}-#{digits(5)}-#{digits(3)}-#{digits(1)}" } + Array.new(10) { "979#{digits(10)}" }
    end

    def words
      ['Bearer of bad news', 'Bearer token is missing', 'Basic plan', 'basic auth failed', 'Authorization required',
       'http://shop.example:8080/a@b', 'https://shop.example/@ada', 'ada@example.org', '+49 30 901820',
       '192.168.100.200', '2001:db8::ff00:42:8329', 'v1.2.3-rc.4', '1,234,567,890.12 EUR', 'eyJ', 'AKIA', 'sk_live_',
       'ghp_short', 'xoxb-1', '-----BEGIN CERTIFICATE-----', 'DE89 3704 0044 0532 0130 00']
    end
  end
end
