# frozen_string_literal: true

require 'json'
require 'net/http'
require_relative '../lib/example_orders'

# Places the example orders at the web process, and does what customers and the back office do about those that get
# stuck, until each has ended.
class Counter
  SECONDS = 60
  POLL = 0.05

  # How each order ends.
  ENDINGS = { shipped: 'complete', retried: 'complete', paid_otherwise: 'complete', paid_at_last: 'complete',
              closed: 'resolved_manually', cancelled: 'cancelled' }.freeze

  # Something did not come about.
  class Failed < StandardError; end

  # @param url [String] of the web process
  # @yieldparam text [String] what happened
  def initialize(url, &say)
    @uri = URI(url)
    @say = say || proc {}
  end

  # @return [Hash{Symbol=>Integer}] ids of the tasks
  def play
    @tasks = ExampleOrders::ALL.to_h { |name, order| [name, place(order)] }
    cancel
    operate(:paid_otherwise, :accept_other_payment)
    operate(:paid_at_last, :retry_payment)
    operate(:closed, :close)
    ENDINGS.each { |name, status| wait_for(name, status) }
    @tasks
  end

  private

  def place(order)
    task = { name: 'order_process', namespace: 'orders', context: order }
    ask(Net::HTTP::Post, '/tasker/tasks', task: task).dig('task', 'task_id').tap do |id|
      @say.call("order #{order['cart_id']} is task #{id}")
    end
  end

  # While it waits for its payment to be tried again.
  def cancel
    wait_for(:cancelled, 'pending') { payment_of(:cancelled) == 'error' }
    ask(Net::HTTP::Delete, path_of(:cancelled))
    @say.call('the customer cancels the order whose payment is to be tried again')
  end

  def operate(name, operation)
    wait_for(name, 'error')
    ask(Net::HTTP::Post, "/orders/#{@tasks.fetch(name)}/#{operation}")
    @say.call("the back office: #{operation} of task #{@tasks.fetch(name)}")
  end

  def wait_for(name, status)
    deadline = Process.clock_gettime(Process::CLOCK_MONOTONIC) + SECONDS
    until status_of(name) == status && (!block_given? || yield)
      if Process.clock_gettime(Process::CLOCK_MONOTONIC) > deadline
        raise Failed, "the order #{name} should be #{status}; it is #{status_of(name)}"
      end

      sleep POLL
    end
  end

  def status_of(name)
    ask(Net::HTTP::Get, path_of(name)).dig('task', 'status')
  end

  def payment_of(name)
    steps = ask(Net::HTTP::Get, "#{path_of(name)}/workflow_steps?limit=100").fetch('steps')
    steps.find { |step| step['name'] == 'process_payment' }.fetch('status')
  end

  def path_of(name)
    "/tasker/tasks/#{@tasks.fetch(name)}"
  end

  def ask(verb, path, body = nil)
    request = verb.new(path, 'Content-Type' => 'application/json')
    request.body = JSON.generate(body) if body
    response = Net::HTTP.start(@uri.host, @uri.port, nil) { |http| http.request(request) }
    raise Failed, "#{request.method} #{path}: #{response.code} #{response.body}" unless response.is_a?(Net::HTTPSuccess)

    JSON.parse(response.body) if response.body.to_s != ''
  end
end
