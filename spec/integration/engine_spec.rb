# frozen_string_literal: true

# One that nobody has looked at yet is left alone. The real one: spec/engine.
RSpec.describe 'Beside an unknown tasker-engine' do
  let(:prelude) do
    <<~RUBY
      Gem.loaded_specs['tasker-engine'] = Gem::Specification.new('tasker-engine', '9.9.9')
      module Tasker
        def self.configuration = :upstream
      end
    RUBY
  end

  it 'takes nothing over' do
    out = ruby(<<~RUBY)
      #{prelude}
      require 'tasker-native'
      p Tasker.configuration, Tasker.constants, Thread.list.size
    RUBY

    expect(out).to eq(":upstream\n[:Native]\n1\n")
  end

  it 'answers when it is asked, and does nothing' do
    out = ruby(<<~RUBY)
      #{prelude}
      require 'tasker-native'
      p Tasker::Native.flush, Tasker::Native.shutdown, Tasker::Native.current_span, Tasker::Native.stats[:accepted]
      Tasker::Native.start
      p Thread.list.size
    RUBY

    expect(out).to eq("true\ntrue\nnil\n0\n1\n")
  end

  it 'lets a Rails app boot, whose Tasker has no configuration yet' do
    result = run_ruby(<<~RUBY, gems: true)
      Gem.loaded_specs['tasker-engine'] = Gem::Specification.new('tasker-engine', '9.9.9')
      require 'rails'
      require 'tasker-native'
      app = Class.new(Rails::Application) do
        config.eager_load = false
        config.logger = Logger.new($stdout, level: Logger::WARN, formatter: ->(*said) { "\#{said.last}\\n" })
      end
      app.initialize!
      p Tasker.constants
    RUBY

    expect(result.err.lines.grep(/tasker/i)).to be_empty
    expect(result.out).to match(/\Atasker-native: tasker-engine 9.9.9 is unknown.* \(0.1.0\), .*\n\[:Native\]\n\z/)
  end
end
