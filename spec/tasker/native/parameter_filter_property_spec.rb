# frozen_string_literal: true

require 'active_support'
require 'active_support/core_ext/hash/indifferent_access'
require 'active_support/parameter_filter'

require_relative '../../support/filter_documents'

# Random documents and filter lists, which ActiveSupport::ParameterFilter and ours filter. What differs on purpose is in
# parameter_filter_spec.rb, and does not come up here: keys and texts are valid, nothing is a cycle, no Proc raises.
RSpec.describe Tasker::Native::ParameterFilter do
  # Classes and order count, too.
  def shape(object)
    case object
    when Hash then [object.class, object.map { |key, value| [key, shape(value)] }]
    when Array then object.map { |value| shape(value) }
    else [object.class, object]
    end
  end

  def difference(documents)
    filters = documents.filters
    document = documents.hash
    copy = Marshal.load(Marshal.dump(document))
    before = shape(copy)
    mask = [nil, '[FILTERED]', :hidden][filters.size % 3] || ActiveSupport::ParameterFilter::FILTERED
    theirs = shape(ActiveSupport::ParameterFilter.new(filters, mask: mask).filter(copy))
    ours = shape(described_class.new(filters, mask: mask).filter(document))
    return if ours == theirs && shape(document) == before

    "#{filters} make of\n#{before}\nActiveSupport: #{theirs}\nours:          #{ours}\nthen:          #{shape(document)}"
  end

  def difference_to_precompiled(documents)
    filters = documents.filters
    document = documents.hash
    one = described_class.new(filters).filter(document)
    other = described_class.new(described_class.precompile_filters(filters)).filter(document)
    "#{filters} make of\n#{document}\nas they are:  #{one}\nprecompiled:  #{other}" unless shape(one) == shape(other)
  end

  # What is found first among so many documents.
  def first_difference(count)
    documents = FilterDocuments.new(RSpec.configuration.seed)
    count.times do |number|
      found = yield documents
      return "document #{number} of seed #{RSpec.configuration.seed}: #{found}" if found
    end
    nil
  end

  it "does what ActiveSupport's does with 4,000 documents" do
    expect(first_difference(4000) { |documents| difference(documents) }).to be_nil
  end

  it "does what ActiveSupport's does with 100,000 documents", :slow do
    expect(first_difference(100_000) { |documents| difference(documents) }).to be_nil
  end

  it 'does with precompiled filters what it does with the filters, for 2,000 documents' do
    expect(first_difference(2000) { |documents| difference_to_precompiled(documents) }).to be_nil
  end
end
