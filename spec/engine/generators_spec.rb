# frozen_string_literal: true

require 'rails/generators'
require 'tmpdir'

# The engine has generators of the same names.
RSpec.describe 'Generators beside the engine' do
  attr_reader :app

  around do |example|
    Dir.mktmpdir do |app|
      @app = app
      example.run
    end
  end

  def generate(name, *arguments)
    Rails::Generators.invoke(name, [*arguments, '--quiet'], destination_root: app)
  end

  def made
    Dir.glob('**/*', base: app).select { |name| File.file?(File.join(app, name)) }
  end

  it 'write a subscriber that hears of its events' do
    generate('tasker:subscriber', 'pager_duty', '--events', 'task.failed', 'order.paid', '--directory', 'app/listeners')
    load File.join(app, 'app/listeners/pager_duty_subscriber.rb')
    subscriber = spy_on(PagerDutySubscriber.subscribe(publisher))
    host.publish_task_failed(create_task)
    host.publish_custom_event('order.paid')

    expect(made).to include('app/listeners/pager_duty_subscriber.rb')
    expect(subscriber).to have_received(:handle_task_failed).once
    expect(subscriber).to have_received(:handle_order_paid).once
    expect(log).not_to include('Error publishing')
  ensure
    Object.send(:remove_const, :PagerDutySubscriber) if Object.const_defined?(:PagerDutySubscriber) # rubocop:disable RSpec/RemoveConst -- the file defines it
  end

  def spy_on(subscriber)
    subscriber.tap do
      %i[handle_task_failed handle_order_paid].each { |name| allow(subscriber).to receive(name).and_call_original }
    end
  end

  it 'write a place for the events of the application' do
    generate('tasker:events', '--create-example')

    expect(made).to include('config/tasker/events/examples.yml', 'app/subscribers/custom_events_subscriber.rb')
    expect(YAML.safe_load_file(File.join(app, 'config/tasker/events/examples.yml'))).to be_a(Hash)
  end
end
