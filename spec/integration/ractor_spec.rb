# frozen_string_literal: true

RSpec.describe 'A Ractor' do
  # What each line of code gives in a Ractor of a process whose telemetry runs.
  def in_ractor(*code)
    out = ruby(<<~RUBY, *code)
      require 'tasker-native'
      Warning[:experimental] = false
      Tasker.configuration { |config| config.telemetry.exporter = :memory }
      Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1, step_id: 2)
      class Handler
        include Tasker::Concerns::EventPublisher

        def publish = publish_event('order.paid', total: 1)
      end
      ARGV.each do |code|
        ractor = Ractor.new(code) do |line|
          eval(line).inspect
        rescue StandardError => e
          "\#{e.class}: \#{e.message}"
        end
        puts ractor.respond_to?(:value) ? ractor.value : ractor.take
      end
    RUBY
    out.lines(chomp: true)
  end

  it 'can use a filter of Symbols, Strings and Regexps' do
    expect(in_ractor('Tasker::Native::ParameterFilter.new([:passw, "card", /iban/]).filter(password: 1, x: 2)'))
      .to eq([{ password: '[FILTERED]', x: 2 }.inspect])
  end

  it 'gets a clear error for the rest, and nothing is lost in silence' do
    told = in_ractor('Tasker.configuration', 'Tasker::Events::Publisher.instance', 'Handler.new.publish',
                     'Tasker::StepHandler::Base.new.handle(1, 2, 3)', 'Tasker::Native.stats', 'Tasker::Native.flush',
                     'Tasker::Native.shutdown', 'Tasker::Native.filter', 'Tasker::Native.current_span')

    expect(told).to all(match(/\ATasker::Native::RactorError: telemetry works in the main Ractor only .*publish there/))
  end

  it 'may end the process' do
    result = run_ruby(<<~RUBY)
      require 'tasker-native'
      Warning[:experimental] = false
      Tasker.configuration { |config| config.telemetry.exporter = :memory }
      Tasker::Events::Publisher.instance.publish('step.completed', task_id: 1, step_id: 2)
      Ractor.new { exit!(7) }
      sleep
    RUBY

    expect(result).to have_attributes(err: '', status: have_attributes(exitstatus: 7))
  end
end
