# frozen_string_literal: true

module Upstream
  # What the same examples gave without this gem and with it, beside a list of those that may differ.
  class Comparison
    # @param without [Hash{String=>Hash}] RSpec's report of each example, by its id
    # @param with [Hash{String=>Hash}] the same
    # @param listed [Hash{String=>String}] reasons, by the ids of those that may differ
    def initialize(without, with, listed)
      @without = without
      @with = with
      @listed = listed
    end

    # @return [Array<String>] ids of examples that pass without the gem only, and are not listed
    def lost
      passing_without_only - @listed.keys
    end

    # @return [Array<String>] ids of listed examples that pass with the gem: they need not be listed
    def listed_in_vain
      @listed.keys & passing(@with)
    end

    def equal?
      lost.empty? && listed_in_vain.empty?
    end

    # @return [String]
    def to_s
      [*lost.map { |id| loss(id) }, *listed_in_vain.map { |id| "#{id} passes, but is listed\n" }, totals].join("\n")
    end

    private

    def passing_without_only
      passing(@without) - passing(@with)
    end

    def passing(examples)
      examples.keys.select { |id| examples[id]['status'] == 'passed' }
    end

    # The beginning of a row for the list, and what happened.
    def loss(id)
      example = @with.fetch(id, 'pending_message' => 'did not run')
      message = example.dig('exception', 'message') || example['pending_message']
      "| `#{id}` | #{@without[id]['full_description']} |\n#{message.to_s.strip.gsub(/^/, '    ')}\n"
    end

    def totals
      files = @without.keys.map { |id| id[/[^\[]+/] }.uniq.size
      "upstream: #{files} files, #{passing(@without).size} examples pass without tasker-native, " \
        "#{passing(@with).size} with it; #{passing_without_only.size} differ, of which " \
        "#{(passing_without_only & @listed.keys).size} are listed"
    end
  end
end
