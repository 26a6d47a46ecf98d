# frozen_string_literal: true

require 'fileutils'
require 'tmpdir'
require_relative '../rakelib/events_page'
require_relative 'support/readme'

RSpec.describe 'docs/events.md' do
  subject(:page) { Readme.new('docs/events.md') }

  it 'says what the table of events says (next, if not: rake docs:events)' do
    expect(EventsPage.new.text).to eq(EventsPage.new.written)
  end

  it 'lists all system events, each once' do
    expect(page.text.scan(/^\| `(\w+\.[\w.]+)` \|/).flatten).to match_array(Tasker::Events.catalog.keys)
  end

  it 'has Ruby that runs, in its order, and gives what it says' do
    Dir.mktmpdir do |directory|
      FileUtils.mkdir_p("#{directory}/config/tasker/events")
      File.write("#{directory}/config/tasker/events/orders.yml", page.yaml.first)

      expect(page.script.scan('# =>').size).to be > 10
      expect(ruby(page.checking_script, chdir: directory))
        .to eq("2 parcels\nship_order: scales are offline (IOError)\n")
    end
  end
end
