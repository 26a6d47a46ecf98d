# frozen_string_literal: true

namespace :orders do
  desc 'Place two orders: one is shipped, the other one can\'t be paid'
  task place: :environment do
    require_relative '../example_orders'
    ExampleOrders::ORDERS.each { |order| OrderProcess.place(order) }
  end

  desc 'Run the steps of a queue (orders or shipping) until interrupted, and print their events'
  task :work, [:queue] => :environment do |_, arguments|
    $stdout.sync = true
    EventLines.subscribe(Tasker::Events::Publisher.instance)
    worker = StepWorker.new(arguments.fetch(:queue, 'orders'))
    %w[INT TERM].each { |signal| trap(signal) { worker.stop } }
    puts 'ready'
    worker.run

    Tasker::Native.flush
    stats = Tasker::Native.stats
    puts "done: #{stats.slice(:accepted, :exported, :in_flight).map { |name, count| "#{name} #{count}" }.join(', ')}"
  end
end
