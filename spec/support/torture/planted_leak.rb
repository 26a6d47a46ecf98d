# frozen_string_literal: true

# No spec of the suite: rake torture:awake runs it under valgrind, which must complain.
RSpec.describe 'A planted leak' do
  it 'is one' do
    expect(Tasker::Native::Torture.plant(:leak)).to be_nil
  end
end
