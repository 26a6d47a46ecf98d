# frozen_string_literal: true

require 'rspec/expectations'

require_relative 'have_published'
require_relative 'have_span'

module Tasker
  module Native
    module Testing
      # RSpec's matchers for events and spans, in every example. They are there where RSpec is loaded before this
      # module, and after +require 'tasker/native/testing/rspec'+ in any case.
      #
      # @example
      #   require 'tasker/native/testing/rspec'
      #
      #   RSpec.describe FetchCart do
      #     it 'publishes what it did, in the span of its step' do
      #       expect { FetchCart.new.handle(task, [step], step) }
      #         .to have_published('order.cart_fetched').with(cart_id: 17)
      #         .and have_span('tasker.step.execution').with(step_name: 'fetch_cart')
      #     end
      #   end
      module Matchers
        # @param event_name [String]
        # @return [HavePublished] for a block, an Array of events, or {Testing} itself (what {Testing.record_events}
        #   has recorded)
        def have_published(event_name) # rubocop:disable Naming/PredicatePrefix -- as RSpec's matchers are called
          HavePublished.new(event_name)
        end

        # @param name [String]
        # @return [HaveSpan] for a block, an Array of {SpanData}, or {Testing} itself (all finished spans)
        def have_span(name) # rubocop:disable Naming/PredicatePrefix -- as RSpec's matchers are called
          HaveSpan.new(name)
        end
      end
    end
  end
end

RSpec.configure { |config| config.include Tasker::Native::Testing::Matchers } if RSpec.respond_to?(:configure)
