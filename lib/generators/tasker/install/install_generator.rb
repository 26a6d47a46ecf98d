# frozen_string_literal: true

require 'rails/generators'

require_relative '../generator'

module Tasker
  module Generators
    # +rails generate tasker:install+: the initializer, with every setting of telemetry and its default.
    class InstallGenerator < Rails::Generators::Base
      include Generator

      source_root File.expand_path('templates', __dir__)

      # Settings whose default depends on where the app runs: what to show instead of a value of this machine.
      DEPENDING = {
        filter_parameters: 'Rails.application.config.filter_parameters',
        exporter: ':auto', otlp_endpoint: "'http://localhost:4318'", otlp_headers: '{}', otlp_compression: "'gzip'",
        otlp_timeout: '10.0', max_queue_size: '2048', max_export_batch_size: '512', schedule_delay: '5.0',
        environment: 'Rails.env', trace_seed: "'service name/environment/database'",
        span_attribute_count_limit: '128', span_attribute_value_length_limit: '65_536',
        span_event_count_limit: '128', span_link_count_limit: '128'
      }.freeze
      private_constant :DEPENDING

      class_option :opentelemetry, type: :boolean, default: false,
                                   desc: "An initializer for OpenTelemetry's SDK as well, for spans beside Tasker's"

      # @return [void]
      def create_initializer
        template 'tasker.rb', 'config/initializers/tasker.rb'
      end

      # @return [void]
      def create_opentelemetry_initializer
        return unless behavior == :revoke || options[:opentelemetry]

        template 'tasker_opentelemetry.rb', 'config/initializers/tasker_opentelemetry.rb'
      end

      # @return [void]
      def tell_how_to_go_on
        return unless behavior == :invoke

        say "\nRun a task, then look at its trace: bin/rails tasker:telemetry:traces"
        return unless options[:opentelemetry]

        say "OpenTelemetry's SDK needs its gems: bundle add opentelemetry-sdk opentelemetry-exporter-otlp"
      end

      private

      def service_name
        Rails.application.class.module_parent_name.underscore
      end

      def settings
        Tasker::Native::Settings::DEFINITIONS.values.partition { |setting| setting.no_effect.nil? }
      end

      # The lines that would set a setting to its default.
      def assignment(setting)
        "tel.#{setting.name} = #{DEPENDING.fetch(setting.name) { literal(setting) }}".lines(chomp: true)
      end

      def literal(setting)
        value = Tasker::Native::Settings.new.public_send(setting.name)
        case value
        when Hash then "{\n#{value.map { |key, item| "  #{key}: #{item_literal(item)}" }.join(",\n")}\n}"
        else item_literal(value)
        end
      end

      def item_literal(value)
        case value
        when String then value.include?("'") ? value.inspect : "'#{value}'"
        when Integer then value.to_s.gsub(/(?<=\d)(?=(\d{3})+\z)/, value >= 10_000 ? '_' : '')
        else value.inspect
        end
      end
    end
  end
end
