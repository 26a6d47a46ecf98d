# frozen_string_literal: true

# TASKER_GC_STRESS=1: every allocation that the extension makes, or brings about, collects garbage. Objects that are not
# marked, or were freed too early, show where they are used. RSpec itself is spared: it would take hours.
module GCStress
  METHODS = {
    Tasker::Native::Publisher => %i[publish publish_by publish_step shows_line? register_event add_listener
                                    remove_listener listeners stats event_names wanted? trace_with],
    Tasker::Native::SpanManager => %i[record finish_task find add_event set_attributes remove_task know_task
                                      interrupt_step configure],
    Tasker::Native::Pipeline.singleton_class => %i[configure stats take_memory next_log_line],
    Tasker::Native::ParameterFilter => %i[filter filter_param masks? clean json],
    Tasker::Native.singleton_class => %i[build_step_payload configure_payload configure_lines line_component]
  }.freeze

  def self.install
    METHODS.each do |owner, names|
      owner.prepend(Module.new do
        names.each do |name|
          define_method(name) do |*arguments, &block|
            before = GC.stress
            GC.stress = true
            super(*arguments, &block)
          ensure
            GC.stress = before
          end
        end
      end)
    end
  end
end

GCStress.install
