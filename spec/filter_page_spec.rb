# frozen_string_literal: true

require_relative 'support/readme'

# What docs/filter.md says is tried.
RSpec.describe 'docs/filter.md' do
  subject(:page) { Readme.new('docs/filter.md') }

  it 'has Ruby that runs, in its order, and gives what it says' do
    result = run_ruby(page.checking_script, env: { 'OTEL_TRACES_EXPORTER' => 'none' })

    expect(result.status).to be_success, result.err
    expect(result.err).not_to match(Warnings::OURS)
  end

  it 'names every scanner' do
    expect(page.table('By the value').map { |name, _| name.delete('`').to_sym })
      .to eq(Tasker::Native::ParameterFilter::SCANNERS)
  end

  it 'has the default list of filters' do
    expect(page.text).to include("`#{Tasker::Native::Settings.new.filter_parameters.join(' ')}`")
  end
end
