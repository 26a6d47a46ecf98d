# frozen_string_literal: true

# Gets something around the filter, in a build that lets it pass: its seals must find it, and end the process.
require_relative '../../support/torture/child'

Child.configure
Child.publisher.publish('step.before_handle', task_id: 1, step_id: 2)
case ARGV.fetch(0)
when 'secret' then Child.publisher.publish('step.completed', task_id: 1, step_id: 2, note: [{ a: 'x' }],
                                                             text: +"\u00e4 4111111111111111")
when 'unsealed' then Tasker::Native::Span.find(Tasker::Native.runtime.spans, 1, 2).add_event('told', note: 'nothing')
end
Child.done('nothing was found')
