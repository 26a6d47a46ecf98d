# frozen_string_literal: true

module Upstream
  # The table of those of tasker-engine's examples that don't pass beside this gem.
  module ListedExamples
    ROW = /^\| `(?<id>[^`]+_spec\.rb\[[\d:]+\])` \|(?<example>[^|]+)\|(?<reason>[^|]+)\|$/

    module_function

    # @param page [String] Markdown
    # @return [Hash{String=>String}] reasons, by the ids of examples
    def read(page)
      page.each_line.filter_map { |line| ROW.match(line.chomp) }.to_h { |row| [row[:id], row[:reason].strip] }
    end
  end
end
