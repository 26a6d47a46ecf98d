# frozen_string_literal: true

RSpec.describe Tasker::Native::EventRouter do
  let(:router) { Tasker::Telemetry::EventRouter.instance }
  let(:metrics) { Tasker::Telemetry::MetricsBackend.instance }

  after { router.reset! }

  # @return [Hash{String=>Numeric}] the counters, and how often histograms have observed, by name and labels
  def counted
    metrics.all_metrics.transform_values { |one| one.is_a?(Tasker::Native::Histogram) ? one.count : one.value }
  end

  describe 'its mappings' do
    it 'are upstream’s 22 at first' do
      expect(router.routing_stats).to eq(total_mappings: 22, trace_events: 20, metrics_events: 17, log_events: 0,
                                         enabled_mappings: 22, high_priority: 3, sampled_mappings: 1)
      expect(router.events_for_backend(:traces) - router.metrics_events)
        .to contain_exactly('observability.task.finalize', 'observability.step.find_viable',
                            'observability.step.handle', 'step.before_handle', 'dependency.resolved')
    end

    it 'can be given in each form' do
      router.map('a.b' => %i[metrics])
      router.map({ 'a.c' => :logs }, priority: :low)
      router.map('a.d', backends: %i[trace metrics], sampling_rate: 0.5, metadata: { team: 'x' })
      router.map('a.e' => [:trace], sampling_rate: 0, enabled: false)

      expect(router.mapping_for('a.b')).to have_attributes(backends: [:metrics], sampling_rate: 1.0, priority: :normal)
      expect(router.mapping_for(:'a.c')).to have_attributes(backends: [:logs], priority: :low)
      expect(router.mapping_for('a.d')).to have_attributes(backends: %i[trace metrics], sampling_rate: 0.5,
                                                           metadata: { team: 'x' })
      expect(router.mapping_for('a.d').description).to eq('a.d → trace, metrics (50.0% sampled)')
      expect(router.mapping_for('a.e')).to have_attributes(enabled: false, active?: false)
    end

    it 'can be given together, all or none' do
      made = router.bulk_configure('a.b' => %i[metrics], 'a.c' => { backends: [:logs], priority: :high },
                                   'a.d' => :trace)

      expect(made.map(&:event_name)).to eq(%w[a.b a.c a.d])
      expect { router.bulk_configure('a.e' => [:trace], 'a.f' => 5) }
        .to raise_error(ArgumentError, /Invalid config for a.f: 5/)
      expect(router).not_to be_mapping_exists('a.e')
      expect(router.bulk_configure(nil)).to eq([])
    end

    it 'of the same event take each other’s place, in each list' do
      router.map('a.b' => %i[metrics trace])
      router.map('a.b' => %i[logs])

      expect([router.trace_events, router.metrics_events, router.log_events].map { |list| list.include?('a.b') })
        .to eq([false, false, true])
      expect([router.routes_to_traces?('a.b'), router.routes_to_metrics?('a.b'), router.routes_to_logs?('a.b')])
        .to eq([false, false, true])
      expect(router).not_to be_routes_to_logs('unknown')
    end

    { 'a backend' => [['x', { backends: [:tracez] }], /backends are some of .*not \[:tracez\]/],
      'no backend' => [['x', { backends: [] }], /backends are some of/],
      'a rate' => [['x', { sampling_rate: 1.5 }], /sampling_rate is a number from 0.0 to 1.0, not 1.5/],
      'a rate that is none' => [['x', { sampling_rate: 'often' }], /not "often"/],
      'a priority' => [['x', { priority: :urgent }], /priority is one of/],
      'a name' => [[' ', {}], /needs a name/], 'no name' => [[nil, {}], /event_name cannot be nil/] }
      .each do |what, ((name, options), message)|
      it "refuse #{what} that can't be" do
        expect { router.map(name, **options) }.to raise_error(ArgumentError, message)
        expect(router.mappings.size).to eq(22)
      end
    end

    it 'know their backends only' do
      expect { router.events_for_backend(:mail) }.to raise_error(ArgumentError, /Unknown backend type: :mail/)
    end

    it 'do not change' do
      expect([router.mappings, router.mapping_for('task.completed')]).to all(be_frozen)
    end

    it 'can be given by configure' do
      expect(Tasker::Telemetry::EventRouter.configure { |one| one.map('a.b' => [:logs]) }).to be(router)
      expect(router.log_events).to eq(['a.b'])
    end
  end

  describe 'published events' do
    before { configure }

    it 'are counted with labels where their mapping says so' do
      payload = { task_id: 1, task_name: 'order', step_id: 2, step_name: 'ship' }
      %w[task.initialize_requested task.start_requested step.execution_requested workflow.viable_steps_discovered
         observability.task.enqueue observability.step.skip observability.step.max_retries_reached].each do |name|
        publish(name, payload)
      end
      publish('observability.step.backoff', { **payload, backoff_seconds: 2.5, message: 'wait' })

      labels = '{step_name="ship",task_name="order"}'
      expect(counted).to eq(
        %w[task_initialize_requested task_start_requested step_execution_requested workflow_viable_steps_discovered
           observability_task_enqueue observability_step_skip observability_step_max_retries_reached
           observability_step_backoff].to_h { |name| ["#{name}_total#{labels}", 1] }
          .merge("observability_step_backoff_seconds#{labels}" => 1)
      )
      expect(metrics.all_metrics["observability_step_backoff_seconds#{labels}"].sum).to eq(2.5)
    end

    it 'are not counted where it says something else, or where spans are measured' do
      %w[step.before_handle observability.step.handle step.completed task.failed step.retry_requested]
        .each { |name| publish(name, task_id: 1, step_id: 2, step_name: 'ship') }

      expect(counted).to be_empty
    end

    it 'are counted by the application’s mappings, also of names that are registered later' do
      router.map('order.fulfilled' => [:metrics])
      publisher.register_event('order.fulfilled')
      2.times { publish('order.fulfilled', order_id: 7, status: :paid) }

      expect(counted).to eq('order_fulfilled_total{status="paid"}' => 2)
    end

    it 'are no longer counted once they are mapped to something else' do
      router.map('task.start_requested' => [:trace])
      router.map('observability.step.skip', backends: [:metrics], enabled: false)
      publish('task.start_requested', task_id: 1)
      publish('observability.step.skip', task_id: 1)

      expect(counted).to be_empty
    end

    it 'are sampled, once' do
      router.map('order.fulfilled' => [:metrics], sampling_rate: 0.25)
      publisher.register_event('order.fulfilled')
      4000.times { publish('order.fulfilled', {}) }

      expect(counted['order_fulfilled_total']).to be_between(800, 1200) # five and a half standard deviations
    end

    it 'are not counted without metrics' do
      configure(metrics_enabled: false)
      publish('task.start_requested', task_id: 1)

      expect(counted).to be_empty
      expect(publisher.subscribed?(router)).to be(false)
    end

    it 'are all counted, ends too, where nothing is exported' do
      configure(exporter: :none)
      publish('step.completed', task_name: 'order', step_name: 'ship', execution_duration: 0.3)
      publish('task.failed', task_name: 'order', exception_class: 'KeyError')

      expect(counted).to eq('step_completed_total{step_name="ship",task_name="order"}' => 1,
                            'step_duration_seconds{step_name="ship",task_name="order"}' => 1,
                            'task_failed_total{error_type="KeyError",task_name="order"}' => 1)
    end
  end

  describe 'events that are routed' do
    it 'go where their mapping says, and it says how that went' do
      router.map('a.b' => %i[metrics trace logs])

      expect(router.route_event('a.b', { status: 'x', password: 'secret' }))
        .to eq(metrics: true, traces: false, logs: true)
      expect(counted).to eq('a_b_total{status="x"}' => 1)
      expect(log).to include('a.b {"status":"x","password":"[FILTERED]"}')
    end

    it 'become spans' do
      payload = { task_id: 1, step_id: 2, execution_duration: 0.5 }

      expect(router.route_event('step.completed', payload)).to eq(metrics: true, traces: true)
      expect(only_span.name).to eq('tasker.step.execution')
    end

    it 'go nowhere without a mapping, or when they are not wanted' do
      router.map('a.b' => [:metrics], sampling_rate: 0)

      expect([router.route_event('unknown'), router.route_event('a.b')]).to eq([{}, {}])
    end

    it 'that nobody can count change nothing else' do
      expect(router.route_event('task.completed', 'garbage')).to include(metrics: false)
    end
  end

  describe 'MetricsBackend#handle_event' do
    it 'has series with few labels, and no ids' do
      metrics.handle_event('task.completed', { 'task_id' => '1', 'status' => 'success', 'duration' => 2.1,
                                               handler_class: 'Ship', error_message: 'secret' })

      expect(counted).to eq('task_completed_total{handler="Ship",status="success"}' => 1,
                            'task_duration_seconds{handler="Ship",status="success"}' => 1)
    end

    it 'sets upstream’s gauges' do
      metrics.handle_event('system.health', { healthy_task_count: 3, failed_task_count: 1 })
      metrics.handle_event('workflow.iteration', { active_task_count: 2 })

      expect(counted).to include('system_healthy_tasks' => 3, 'system_failed_tasks' => 1, 'workflow_active_tasks' => 2)
    end

    it 'says whether it counted, and never raises' do
      hostile = { status: Object.new, duration: Float::NAN, task_name: "\xFF" * 5000 }

      expect(metrics.handle_event('a.b', hostile)).to be(true)
      expect(metrics.handle_event('a.b', nil)).to be(false)
      expect(metrics.handle_event('', {})).to be(true).or be(false)
    end

    it 'knows the router' do
      expect(metrics.event_router).to be(router)
    end
  end
end
