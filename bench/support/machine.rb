# frozen_string_literal: true

require 'etc'

# What the figures depend on.
module Machine
  GEMS = %w[opentelemetry-sdk opentelemetry-exporter-otlp google-protobuf dry-events activesupport].freeze

  module_function

  def lines
    ["#{RUBY_DESCRIPTION}, YJIT #{yjit? ? 'on' : 'off'}",
     GEMS.map { |name| "#{name} #{Gem.loaded_specs[name]&.version}" }.join(', '),
     "#{Etc.nprocessors} cores, #{processor}; load #{load_average} at the start: other work makes figures higher, " \
     'and ratios less so']
  end

  def yjit?
    defined?(RubyVM::YJIT) && RubyVM::YJIT.enabled?
  end

  def processor
    File.read('/proc/cpuinfo')[/^model name\s*:\s*(.*)/, 1] || RbConfig::CONFIG['host_cpu']
  rescue SystemCallError
    RbConfig::CONFIG['host_cpu']
  end

  def load_average
    File.read('/proc/loadavg').split.first
  rescue SystemCallError
    'unknown'
  end
end
