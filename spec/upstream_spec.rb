# frozen_string_literal: true

require_relative '../rakelib/upstream/comparison'
require_relative '../rakelib/upstream/listed_examples'

RSpec.describe 'bin/engine upstream' do
  let(:without) { report('a_spec.rb[1:1]' => 'passed', 'a_spec.rb[1:2]' => 'failed', 'b_spec.rb[1:1]' => 'passed') }

  # As RSpec reports examples, by id.
  def report(statuses)
    statuses.to_h do |id, status|
      [id, { 'full_description' => "does #{id}", 'status' => status, 'exception' => { 'message' => "no #{id}" } }]
    end
  end

  def comparison(with, listed = {})
    Upstream::Comparison.new(without, report(with), listed)
  end

  it 'lets pass what passes with the gem too, whatever becomes of the rest' do
    same = comparison('a_spec.rb[1:1]' => 'passed', 'a_spec.rb[1:2]' => 'passed', 'b_spec.rb[1:1]' => 'passed')

    expect(same).to be_equal
    expect(same.to_s).to eq('upstream: 2 files, 2 examples pass without tasker-native, 3 with it; ' \
                            '0 differ, of which 0 are listed')
  end

  it 'tells what passes without the gem only, and why: it failed, is pending, or did not run' do
    different = comparison('a_spec.rb[1:1]' => 'failed', 'a_spec.rb[1:2]' => 'passed')

    expect(different).not_to be_equal
    expect(different.lost).to eq(%w[a_spec.rb[1:1] b_spec.rb[1:1]])
    expect(different.to_s).to include("| `a_spec.rb[1:1]` | does a_spec.rb[1:1] |\n    no a_spec.rb[1:1]\n",
                                      "| `b_spec.rb[1:1]` | does b_spec.rb[1:1] |\n    did not run\n",
                                      '2 differ, of which 0 are listed')
  end

  it 'leaves out what is listed, as long as it does not pass' do
    listed = { 'a_spec.rb[1:1]' => 'stubs a tracer', 'b_spec.rb[1:1]' => 'asserts a defect' }
    one_passes = comparison({ 'a_spec.rb[1:1]' => 'failed', 'b_spec.rb[1:1]' => 'passed' }, listed)

    expect(one_passes.lost).to be_empty
    expect(one_passes.listed_in_vain).to eq(%w[b_spec.rb[1:1]])
    expect(one_passes).not_to be_equal
    expect(comparison({ 'a_spec.rb[1:1]' => 'failed', 'b_spec.rb[1:1]' => 'pending' }, listed)).to be_equal
  end

  it 'reads the list from a table in the documents, and nothing else' do
    page = <<~MARKDOWN
      | example | what it says | why |
      |---|---|---|
      | `./spec/lib/a_spec.rb[1:2:3]` | Exporter escapes | It asserts a defect. |
      | `not_an_example.rb` | something | else |
    MARKDOWN

    expect(Upstream::ListedExamples.read(page)).to eq('./spec/lib/a_spec.rb[1:2:3]' => 'It asserts a defect.')
  end
end
