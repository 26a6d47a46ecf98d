# frozen_string_literal: true

require 'yaml'

require_relative '../support/new_rails_app'

# The generators, in an app that `rails new` has made.
RSpec.describe 'Generators', :slow do
  app = nil

  before(:all) do # rubocop:disable RSpec/BeforeAfterAll -- making an app takes seconds
    app = NewRailsApp.new
    gems = %w[rspec-core rspec-expectations rspec-mocks].map { |name| "gem '#{name}'\n" }.join
    app.bundle("gem 'tasker-native', path: '#{NewRailsApp::ROOT}'\n#{gems}")
  end

  after(:all) { app.remove } # rubocop:disable RSpec/BeforeAfterAll

  let(:before) { files }

  before { before }

  after do
    made.each { |name| FileUtils.rm(File.join(app.path, name)) }
    app.shell('find app config spec -type d -empty -delete || true')
  end

  define_method(:rails) { |command| app.shell("bin/rails #{command}") }
  define_method(:read) { |name| app.read(name) }
  define_method(:files) do
    Dir.glob('{app,config,spec}/**/*', File::FNM_DOTMATCH, base: app.path)
       .reject { |name| name.end_with?('/.') }.select { |name| File.file?(File.join(app.path, name)) }
  end
  define_method(:folders) { Dir.glob('{app,config,spec}/**/', base: app.path) }

  def made
    files - before
  end

  # Its code is as RuboCop wants it by default, and its specs pass, as many as that.
  define_method(:expect_good) do |examples:|
    rubocop = Open3.capture2e('bundle', 'exec', 'rubocop', '--force-default-config', '--disable-pending-cops',
                              *made.grep(/\.rb\z/).map { |name| File.join(app.path, name) }, chdir: NewRailsApp::ROOT)
    expect(rubocop.last).to be_success, rubocop.first
    expect(app.shell('RAILS_ENV=test bundle exec rspec')).to match(/^#{examples} examples?, 0 failures/)
  end

  define_method(:refused) do |command|
    app.shell("bin/rails #{command}")
    raise "#{command} was not refused"
  rescue RuntimeError => e
    raise if e.message.end_with?('not refused')

    expect(made).to be_empty
    e.message
  end

  describe 'tasker:subscriber' do
    it 'makes a subscriber and its spec, and undoes them' do
      folders_before = folders
      rails('generate tasker:subscriber pager_duty --events task.failed step.failed')

      expect(made).to contain_exactly('app/subscribers/pager_duty_subscriber.rb',
                                      'spec/subscribers/pager_duty_subscriber_spec.rb')
      expect(read('app/subscribers/pager_duty_subscriber.rb'))
        .to include("  subscribe_to 'task.failed', 'step.failed'\n\n  def handle_task_failed(event)\n")
      expect_good(examples: 2)

      rails('destroy tasker:subscriber pager_duty')
      expect(made).to be_empty
      expect(folders).to match_array(folders_before)
    end

    it 'makes one that receives events' do
      rails('generate tasker:subscriber Billing::PagerDutySubscriber --events order.fulfilled')
      rails("runner 'Billing::PagerDutySubscriber.subscribe(Tasker::Events::Publisher.instance);" \
            "Tasker::Events::Publisher.instance.publish(\"order.fulfilled\", task_id: 77, step_name: \"pack\")'")

      expect(made).to include('app/subscribers/billing/pager_duty_subscriber.rb')
      expect(read('log/development.log')).to match(/order\.fulfilled: \{:?task_id.*77.*step_name.*"pack"\}/)
      expect_good(examples: 1)
    end

    it 'makes one that counts and measures' do
      rails('generate tasker:subscriber metrics --metrics --events task.completed task.failed step.completed ' \
            'step.failed step.retry_requested order.fulfilled')
      rails("runner 'MetricsSubscriber.subscribe(Tasker::Events::Publisher.instance);" \
            'Tasker::Events::Publisher.instance.publish("step.completed", step_name: "pay", ' \
            "execution_duration: 0.25)'")

      expect(read('log/development.log'))
        .to include("tasker.step.completed +1 step:pay environment:development\n")
        .and include("tasker.step.duration 0.25 step:pay environment:development\n")
      expect_good(examples: 6)
    end

    it 'knows what to measure, and takes another folder' do
      output = rails('generate tasker:subscriber metrics --metrics --directory app/listeners/')

      expect(output).to include('MetricsSubscriber.subscribe(Tasker::Events::Publisher.instance)')
      expect(read('app/listeners/metrics_subscriber.rb'))
        .to include("subscribe_to 'task.completed', 'task.failed', 'step.completed', 'step.failed'\n")
      expect_good(examples: 4)
    end

    it 'makes one with a lot of them' do
      events = Tasker::Native::SYSTEM_EVENTS.map(&:last).grep(/\A(task|step)\./)
      rails("generate tasker:subscriber many --events #{events.join(' ')}")
      expect_good(examples: events.size)
    end

    it 'makes one without events, too' do
      rails('generate tasker:subscriber empty')

      expect_good(examples: 1)
    end

    it 'refuses events that there are not, and names the nearest' do
      expect(refused('generate tasker:subscriber typo --events task.compleeted'))
        .to include('There is no event task.compleeted. Did you mean task.completed?')
    end

    it 'refuses what is code, or leaves the app' do
      expect(refused(%q{generate tasker:subscriber evil --events "task.failed'); system('touch pwned') #"}))
        .to include('is not the name of an event. Did you mean task.failed?')
      expect(refused(%q{generate tasker:subscriber "Evil; system('touch pwned')"}))
        .to include("can't be the name of a class. Did you mean evil_system_touch_pwned?")
      expect(refused('generate tasker:subscriber ../evil')).to include("can't be the name of a class")
      expect(refused('generate tasker:subscriber 9lives')).to include('Did you mean lives?')
      expect(refused('generate tasker:subscriber evil --directory ../../evil')).to include('a folder of the app')
    end

    it 'shows examples' do
      expect(rails('generate tasker:subscriber --help')).to include('--events=', 'Examples:', 'destroy')
    end
  end

  describe 'tasker:events' do
    it 'makes an example that receives its events, and undoes it' do
      folders_before = folders
      rails('generate tasker:events')
      rails("runner 'CustomEventsSubscriber.subscribe(Tasker::Events::Publisher.instance);" \
            "Tasker::Events::Publisher.instance.publish(\"order.fulfilled\", order_id: 31, parcels: 2)'")

      expect(made).to contain_exactly('config/tasker/events/examples.yml',
                                      'app/subscribers/custom_events_subscriber.rb')
      expect(read('log/development.log')).to include("Order 31 is on its way in 2 parcels\n")
      expect(YAML.safe_load(read('config/tasker/events/examples.yml')).dig('events', 'custom', 'order_fulfilled'))
        .to include('constant' => 'order.fulfilled', 'fired_by' => ['OrderProcess'])
      expect_good(examples: 0)

      rails('destroy tasker:events')
      expect(made).to be_empty
      expect(folders).to match_array(folders_before)
    end

    it 'makes a place alone, if that is wanted' do
      rails('generate tasker:events --no-create-example')

      expect(made).to eq(['config/tasker/events/.keep'])
      expect(rails('generate tasker:events --help')).to include('Examples:')
    end
  end

  describe 'tasker:install' do
    it 'makes an initializer with every setting and its default' do
      rails('generate tasker:install')
      code = read('config/initializers/tasker.rb')
      settings = Tasker::Native::Settings::DEFINITIONS.keys

      expect(code).to include("    tel.service_name = 'shop'\n")
      expect(code.scan(/tel\.(\w+) = /).flatten.map(&:to_sym)).to match_array(settings)
      expect(rails("runner 'print Tasker.configuration.telemetry.service_name'")).to eq('shop')
      expect_good(examples: 0)
    end

    it 'comments what is right: with all of it set, nothing changes' do
      rails('generate tasker:install')
      show = "runner 'print Tasker.configuration.telemetry.to_h.except(:trace_seed)' 2>&1"
      defaults = rails(show)
      initializer = 'config/initializers/tasker.rb'
      app.write(initializer, read(initializer).gsub(/^    # (tel\.| |\})/, '    \1'))

      expect(rails(show).lines.last).to eq(defaults)
    end

    it 'makes an initializer for OpenTelemetry, which boots without its gems, and undoes all' do
      rails('generate tasker:install --opentelemetry')

      expect(made).to contain_exactly('config/initializers/tasker.rb', 'config/initializers/tasker_opentelemetry.rb')
      expect(rails("runner 'print 1'")).to eq('1')
      expect(read('log/development.log')).to include('OpenTelemetry is not set up: ')
      expect_good(examples: 0)
      expect(rails('generate tasker:install --help')).to include('Examples:')

      rails('destroy tasker:install')
      expect(made).to be_empty
    end
  end
end
