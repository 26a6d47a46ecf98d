# frozen_string_literal: true

require 'erb'
require 'rails/generators'
require 'rails/generators/named_base'

require_relative '../event_names'
require_relative '../generator'

module Tasker
  module Generators
    # +rails generate tasker:subscriber NAME+: a subscriber with a handler for each event, and its spec.
    class SubscriberGenerator < Rails::Generators::NamedBase
      include Generator

      source_root File.expand_path('templates', __dir__)

      NAME = %r{\A[A-Za-z][A-Za-z0-9_]*((/|::)[A-Za-z][A-Za-z0-9_]*)*\z}
      MAX_SIZE = 200 # with what is added to it, a file's name
      DIRECTORY = %r{\A[\w-]+(/[\w-]+)*/?\z}
      METRICS_EVENTS = %w[task.completed task.failed step.completed step.failed].freeze
      private_constant :NAME, :MAX_SIZE, :DIRECTORY, :METRICS_EVENTS

      class_option :events, type: :array, default: [], banner: 'task.completed step.failed',
                            desc: 'Events to listen to'
      class_option :metrics, type: :boolean, default: false,
                             desc: "Handlers that count and measure; events: #{METRICS_EVENTS.join(' ')}"
      class_option :directory, type: :string, default: 'app/subscribers', desc: 'Where to put it'

      # NamedBase derives names as soon as there is a generator.
      #
      # @param arguments [Array<String>] the subscriber's name first
      # @raise [Thor::Error] for a name that a class can't have, or a folder outside of the app
      def initialize(arguments, *)
        name = arguments.first.to_s
        super
        refuse_odd_names(name)
      end

      # @return [void]
      def check_names
        event_names.doubts.each { |doubt| say_status :note, doubt, :yellow }
        class_collisions(subscriber_name) unless File.exist?(File.join(destination_root, subscriber_file))
      rescue EventNames::Refused => e
        raise Thor::Error, e.message
      end

      # @return [void]
      def create_subscriber
        create_file subscriber_file, source('subscriber.rb')
      end

      # In apps that have RSpec.
      #
      # @return [void]
      def create_spec
        return unless behavior == :revoke || rspec?

        create_file spec_file, render('subscriber_spec.rb')
      end

      # @return [void]
      def remove_folders
        [subscriber_file, spec_file].each { |file| remove_empty_folders(File.dirname(file)) }
      end

      # @return [void]
      def tell_how_to_subscribe
        return unless behavior == :invoke

        say <<~TEXT

          To subscribe it, in config/initializers/tasker_subscribers.rb:

            Rails.application.config.to_prepare do
              #{subscriber_name}.subscribe(Tasker::Events::Publisher.instance)
            end
        TEXT
      end

      private

      def refuse_odd_names(name)
        unless NAME.match?(name) && name.size <= MAX_SIZE
          raise Thor::Error, "#{name.inspect[0, 80]} can't be the name of a class. Did you mean #{clean(name)}?"
        end
        return if DIRECTORY.match?(options[:directory])

        raise Thor::Error, "--directory #{options[:directory].inspect[0, 80]} must be a folder of the app, " \
                           'such as app/subscribers'
      end

      def clean(name)
        words = name.gsub(/[^A-Za-z0-9_]+/, '_').gsub(/\A[\d_]+|_+\z/, '')
        words.empty? ? 'order_notifications' : words.underscore[0, 60]
      end

      def subscriber_file
        File.join(options[:directory], "#{subscriber_path}.rb")
      end

      def spec_file
        File.join('spec/subscribers', "#{subscriber_path}_spec.rb")
      end

      # billing/pager_duty_subscriber, for billing/pager_duty as well as for Billing::PagerDutySubscriber
      def subscriber_path
        "#{name.underscore.delete_suffix('_subscriber')}_subscriber"
      end

      def subscriber_name
        subscriber_path.camelize
      end

      def event_names
        given = options[:events]
        @event_names ||= EventNames.new(options[:metrics] && given.empty? ? METRICS_EVENTS : given)
      end

      def events
        event_names.to_a
      end

      def handler(event)
        "handle_#{event.tr('.', '_').underscore}"
      end

      # What a handler calls in a subscriber with --metrics, and for what.
      def recorder(event)
        owner, _, end_of_name = event.rpartition('.')
        owner = "tasker.#{owner}" if owner.match?(/\A(task|step|workflow|observability)\b/)
        case end_of_name
        when 'completed' then "record_completion('#{owner}', event)"
        when 'failed' then "record_failure('#{owner}', event)"
        else "record_counter('#{owner}.#{end_of_name}', 1, extract_metric_tags(event))"
        end
      end

      def ends_with?(word)
        events.any? { |event| event.end_with?(".#{word}") }
      end

      # subscribe_to and its arguments, in lines of a bearable length
      def subscription
        names = events.map { |event| "'#{event}'" }
        line = "subscribe_to #{names.join(', ')}"
        line.length <= 90 ? line : "subscribe_to #{names.join(",\n               ")}"
      end

      # The code of a class, in the modules that it belongs to.
      def source(template)
        modules = subscriber_name.split('::')[0...-1]
        code = render(template)
        modules.reverse_each { |name| code = "module #{name}\n#{code.gsub(/^(?=.)/, '  ')}end\n" }
        "# frozen_string_literal: true\n\n#{code}"
      end

      def render(template)
        file = File.join(self.class.source_root, "#{template}.erb")
        ERB.new(File.read(file), trim_mode: '-').result(binding)
      end

      def rspec?
        names = %w[.rspec spec/rails_helper.rb spec/spec_helper.rb]
        Gem.loaded_specs.key?('rspec-core') || names.any? { |name| File.exist?(File.join(destination_root, name)) }
      end

      # What a spec requires to have the app.
      def spec_requires
        return "require 'rails_helper'" if File.exist?(File.join(destination_root, 'spec/rails_helper.rb'))

        "require_relative '#{'../' * (subscriber_path.count('/') + 2)}config/environment'"
      end
    end
  end
end
