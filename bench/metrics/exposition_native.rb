# frozen_string_literal: true

require_relative '../support/native_scrape'

Subject.run(NativeScrape.new(iterations: 50))
