# frozen_string_literal: true

require_relative 'support/new_rails_app'
require_relative 'support/otlp_receiver'
require_relative 'support/readme'

# README's quick start, followed to the letter in a new app.
RSpec.describe 'The quick start of README.md', :slow do
  let(:readme) { Readme.new }
  let(:app) { NewRailsApp.new }

  before do
    files = readme.app_files
    app.bundle(files.delete('Gemfile').sub('../tasker-native', Readme::ROOT))
    files.each { |name, content| app.write(name, content) }
  end

  after { app.remove }

  def follow(pattern)
    app.shell(readme.commands.find { |command| command.match?(pattern) })
  end

  it 'shows the first waterfall, without the secrets' do
    expect(follow(%r{\Abin/rails runner})).to eq('')

    waterfall = follow(/tasker:telemetry:traces/)
    expect(waterfall).to match(/order_process +1\d\d ms  OK  task \h{8}-/)
    expect(waterfall).to match(/✓ fetch_cart #1 tasker\.step\.execution +1\d\d ms/)
    expect(waterfall).to include('ms order.cart_fetched').and match(/masked: .*orders\.task_context\.password/)
      .and match(/masked: .*orders\.api_token/m)
    expect(waterfall + app.read('log/tasker_traces.jsonl')).not_to include('not to be seen')
  end

  it 'sends to a collector, by one environment variable' do
    receiver = OtlpReceiver.start
    command = readme.commands.grep(/\AOTEL_EXPORTER_OTLP_ENDPOINT=/).first
    app.shell(command.sub('http://localhost:4318', receiver.endpoint))

    receiver.wait_for(count: 2)
    expect(receiver.spans.map(&:name)).to eq(%w[tasker.step.execution tasker.task.execution])
    expect(receiver.root.attributes).to include('orders.task_name' => 'order_process')
  ensure
    receiver&.stop
  end
end
