# frozen_string_literal: true

RSpec.describe 'An app with tasker-engine and tasker-native' do
  let(:task) do
    request = Tasker::Types::TaskRequest.new(name: 'order_process', context: { cart_id: 17 })
    Tasker::Task.create_with_defaults!(request)
  end

  it 'has both gems, and the tables of the engine' do
    expect(Gem.loaded_specs).to include('tasker-engine', 'tasker-native')
    expect(Tasker::Task.find(task.id).context).to eq('cart_id' => 17)
  end

  it 'traces a task that the engine brings through its states' do
    expect { %w[in_progress complete].each { |state| task.state_machine.transition_to!(state) } }
      .to have_span('tasker.task.execution').with(task_name: 'order_process')
  end
end
