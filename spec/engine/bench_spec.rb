# frozen_string_literal: true

require 'open3'
require 'rbconfig'

RSpec.describe 'bench/engine' do
  # => [standard output and error, status]
  def bench(*comparisons)
    Open3.capture2e({ 'BENCH_ROUNDS' => '1', 'BENCH_ITERATIONS' => '4' }, RbConfig.ruby, 'bench/run.rb', '--here',
                    *comparisons, chdir: File.expand_path('../..', __dir__))
  end

  it 'measures the engine with us beside the engine alone, and nothing is lost' do
    output, status = bench('engine/hidden', 'engine/task', 'engine/at_once')

    expect(status).to be_success, output
    expect(output.scan(/^  (\S[^:\n]*?) {2,}-?\d/).flatten.tally)
      .to eq('with tasker-native' => 3, 'tasker-engine alone' => 3)
    expect(output.scan(/published (\d+), .*?(?:received|steps) \1/).size).to eq(6)
    expect(output).to match(/^  target  queries  wanted <= 0  got 0  holds$/)
  end
end
