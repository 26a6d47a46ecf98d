# frozen_string_literal: true

require 'json'

# What the next requests are answered, for tests of senders: a list, of which the last answer stays.
class Answers
  # status: of HTTP; delay: seconds before anything is kept or answered; retry_after: the header;
  # partial_success: of a 200, { rejected_spans: (of metrics: rejected_data_points), error_message: }
  Answer = Struct.new(:status, :delay, :retry_after, :partial_success, keyword_init: true) do
    def initialize(status: 200, delay: 0, retry_after: nil, partial_success: nil)
      super
    end
  end

  def initialize(json)
    @lock = Mutex.new
    replace(json)
  end

  def replace(json)
    answers = [JSON.parse(json, symbolize_names: true)].flatten.map { |answer| Answer.new(**answer) }
    raise ArgumentError, 'no answer' if answers.empty?

    @lock.synchronize { @answers = answers }
  end

  def next
    @lock.synchronize { @answers.size > 1 ? @answers.shift : @answers.first }
  end
end
