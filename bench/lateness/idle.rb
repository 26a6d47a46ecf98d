# frozen_string_literal: true

require_relative '../support/paced'
require_relative '../support/subject'

# The same two threads, of which one wakes up and has nothing to publish: what this machine and Ruby do by themselves.
class Idle < Subject
  include Paced

  def publish(first, last); end
end

Subject.run(Idle.new('nothing published', iterations: 100_000))
