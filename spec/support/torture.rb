# frozen_string_literal: true

require_relative 'torture_extension'

# Runs the processes in spec/torture/children, which do their worst to the extension.
module Torture
  CHILDREN = File.expand_path('../torture/children', __dir__)

  # TORTURE_FACTOR: how many times longer than the short form.
  FACTOR = Integer(ENV.fetch('TORTURE_FACTOR', '1'))

  # @param amount [Integer] of seconds, or of cases, in the short form
  # @return [RubyProcess::Result]
  def torture(name, *arguments, amount: 1, sanitized: true, env: {}, timeout: 120)
    variables = { 'SEED' => RSpec.configuration.seed.to_s, 'AMOUNT' => (amount * FACTOR).to_s,
                  **(sanitized ? TortureExtension.environment : {}), **env }
    script = "load #{File.join(CHILDREN, "#{name}.rb").dump}"
    run_ruby(script, *arguments, env: variables, timeout: timeout * FACTOR)
  end
end

# It ended by itself, found nothing, and has something to show for it.
RSpec::Matchers.define :survive do
  match do |result|
    @figures = result.out[/^done: (.*)$/, 1]
    RSpec.configuration.reporter.message("    #{@figures}") if @figures && ENV['TORTURE_FACTOR']
    result.status.success? && @figures
  end

  failure_message do |result|
    report = result.err[0, 12_000]
    "expected a process that ends well, not: #{result.status}\n#{report}\n#{result.out[-2000..]}"
  end
end
