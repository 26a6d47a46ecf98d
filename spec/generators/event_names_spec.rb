# frozen_string_literal: true

require 'generators/tasker/event_names'

RSpec.describe Tasker::Generators::EventNames do
  def names(*given)
    described_class.new(given).to_a
  end

  it 'takes names of events, however they are written' do
    expect(names('task.completed', 'step_failed', 'order.fulfilled,task.failed', ' ', 'task_completed'))
      .to eq(%w[task.completed step.failed order.fulfilled task.failed])
  end

  it 'names the nearest event for one that there is not' do
    { 'task.compleeted' => 'task.completed', 'step.fail' => 'step.failed',
      'workflow.started' => 'workflow.task_started', 'observability.backoff' => 'observability.step.backoff',
      'task.x' => 'task.failed' }.each do |name, nearest|
      expect { names(name) }
        .to raise_error(described_class::Refused, /There is no event #{name}\. Did you mean #{nearest}\?/)
    end
  end

  ["task.failed'); system('id') #", 'a.b; c', 'order', 'Order.Fulfilled', 'a..b', '.a', 'a.', "a.b\nc", "a.\#{1}",
   'step.failed"', 'a/b.c', '<%= 1 %>', "order.#{'a' * 235}"].each do |name|
    it "refuses #{name.inspect}" do
      expect { names(name) }.to raise_error(described_class::Refused, /is not the name of an event/)
    end
  end

  it 'doubts what looks like a typing error' do
    expect(described_class.new(['taks.completed', 'order.fulfilled', 'cart.completed']).doubts)
      .to eq(['taks.completed is taken for an event of your application. Did you mean task.completed?'])
  end
end
