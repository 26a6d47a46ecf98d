# frozen_string_literal: true

require 'bundler'

# What docs/engine.md says is tried. Its table of examples: bin/engine upstream; its figures: spec/bench_spec.rb.
RSpec.describe 'docs/engine.md' do
  let(:page) { File.read(File.expand_path('../../docs/engine.md', __dir__)) }
  let(:snippets) { page.scan(/^```ruby\n# (\S+)\n(.*?)^```/m).to_h }

  it 'has a Gemfile with both gems' do
    gemfile = Bundler::Dsl.new
    gemfile.instance_eval(snippets.fetch('Gemfile'))

    expect(gemfile.dependencies.map(&:name)).to eq(%w[tasker-engine tasker-native])
  end

  it 'has an initializer that the engine takes' do
    RubyVM::InstructionSequence.compile(snippets.fetch('config/initializers/tasker.rb')).eval

    expect(Tasker.configuration.telemetry).to have_attributes(service_name: 'orders', exporter: %i[otlp file],
                                                              max_queue_size: 4096)
  end

  it 'has no other Ruby than that' do
    expect(page.scan('```ruby').size).to eq(snippets.size)
  end

  it 'names what there is' do
    paths = page.scan(%r{`((?:lib|bin|examples)/[\w/.-]+)`}).flatten

    expect(paths).to all(satisfy { |path| File.exist?(File.expand_path("../../#{path}", __dir__)) })
  end
end
