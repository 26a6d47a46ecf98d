# frozen_string_literal: true

require 'tmpdir'
require_relative 'support/api_server'
require_relative 'support/readme'

# What docs/metrics.md says is tried.
RSpec.describe 'docs/metrics.md' do
  subject(:page) { Readme.new('docs/metrics.md') }

  it 'has Ruby that runs, in its order, and gives what it says' do
    Dir.mktmpdir do |directory|
      gateway = ApiServer.new.will(200, '')
      result = run_ruby("require 'tasker-native'\n#{page.checking_script}", chdir: directory,
                                                                            env: { 'PUSHGATEWAY_URL' => gateway.url })
      gateway.stop

      expect(result.status).to be_success, result.err
      expect(result.err).not_to match(Warnings::OURS)
    end
  end
end
