# frozen_string_literal: true

require_relative 'support/api_server'
require_relative 'support/readme'

# What docs/handlers.md says is tried.
RSpec.describe 'docs/handlers.md' do
  subject(:page) { Readme.new('docs/handlers.md') }

  let(:server) do
    ApiServer.new.will(200, { user: { id: 5, name: 'Ada' } }).will(200, { user: { id: 5, name: 'Ada' } })
             .will(201, { id: 8 }).will(503, {}, 'Retry-After': '7')
  end

  after { server.stop }

  it 'has Ruby that runs, in its order, and gives what it says' do
    env = { 'API_URL' => server.url, 'OTEL_TRACES_EXPORTER' => 'none' }
    result = run_ruby(page.checking_script, gems: true, env: env)

    expect(result.status).to be_success, result.err
    expect(result.err).not_to match(Warnings::OURS)
    expect(page.script.scan('# =>').size).to be > 15
    expect(server.requests.map { |request| [request.verb, request.path, request.query].compact.join(' ') })
      .to eq(['GET /users/5 full=true', 'GET /users/5', 'POST /orders', 'GET /busy'])
  end

  it 'has the defaults that the config of an API handler has' do
    config = Tasker::StepHandler::Api::Config.new
    table = page.table('HTTP APIs').to_h { |name, default| [name, default] }

    expect(table.slice('`retries`', '`retry_delay`', '`enable_exponential_backoff`', '`jitter_factor`').values)
      .to eq([config.retries[:limit], config.retry_delay, config.enable_exponential_backoff, config.jitter_factor]
      .map { |value| "`#{value}`" })
  end

  it 'names what is kept of an error' do
    step = build_step(results: {})
    failing = Tasker::RetryableError.new('busy', retry_after: 3, context: { a: 1 })
    expect { handle(step) { raise failing } }.to raise_error(failing)

    named = page.table('Errors').flat_map { |names, _| names.scan(/\w+/) }.map(&:to_sym)
    expect(named).to match_array(step.results.keys + [:error_code])
  end
end
