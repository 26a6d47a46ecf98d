# frozen_string_literal: true

require_relative 'subject'

# A document is filtered.
class FilterSubject < Subject
  # Those of a new Rails app.
  LITERALS = %i[passw email secret token _key crypt salt certificate otp ssn cvv cvc].freeze
  MIXED = [*LITERALS, /\Apin\z/, /card_?no/i, 'card.number'].freeze

  FLAT = { order_id: 4711, customer: 'Ada Lovelace', email: 'ada@example.org', status: 'paid', total: 129.95,
           items: 3, api_token: 'abcdef0123456789', note: 'leave it at the door' }.freeze

  # 127 keys: 7, and 15 times 8.
  LINES = Array.new(15) do |number|
    { sku: "A-#{number}", name: 'A book of numbers', quantity: number, price: 9.95, taxed: true, email: nil,
      weight: 0.5, warehouse: 'north' }
  end
  NESTED = { **FLAT.slice(:order_id, :customer, :email, :status, :total, :note), lines: LINES }.freeze

  DOCUMENTS = { 'flat' => FLAT, 'strings' => FLAT.transform_keys(&:to_s).freeze, 'nested' => NESTED,
                'mixed' => NESTED }.freeze

  # kind: of the document; the filters are mixed for 'mixed'
  def initialize(name, kind)
    @document = DOCUMENTS.fetch(kind)
    super(name, iterations: @document.equal?(NESTED) ? 20_000 : 200_000)
    @filters = kind == 'mixed' ? MIXED : LITERALS
    @filtered = 0
  end

  def publish(first, last)
    filter = @filter
    document = @document
    number = first
    while number < last
      @result = filter.filter(document)
      number += 1
    end
    @filtered += last - first
  end

  def facts
    { result: @result.inspect }
  end

  def counts
    { filtered: @filtered }
  end
end
