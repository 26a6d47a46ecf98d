# frozen_string_literal: true

module Tasker
  module Native
    # Follows the process through Process.fork and Process.daemon, which does not go through Process._fork. What forks
    # behind Ruby's back is noticed by the core, which then starts anew as well.
    #
    # @api private
    module ForkHook
      # For Process.singleton_class.
      module Process
        # Around every fork that Ruby makes.
        #
        # @return [Integer] the child's id; 0 in the child
        # @raise [SystemCallError] when there can't be another process
        def _fork
          Native.runtime.before_fork
          pid = super
        ensure # a fork may fail: then there is a parent only
          pid&.zero? ? Native.runtime.after_fork_in_child : Native.runtime.after_fork_in_parent
        end

        # Delivers what is in flight, for at most +shutdown_timeout+: the process that goes on has an empty queue.
        #
        # @return [Integer] 0
        # @raise [SystemCallError] when there can't be another process
        def daemon(...)
          Native.runtime.before_daemon
          forked = super
        ensure
          forked ? Native.runtime.after_fork_in_child : Native.runtime.after_fork_in_parent
        end
      end

      # Once a process.
      #
      # @return [void]
      def self.install
        ::Process.singleton_class.prepend(Process)
      end
    end
  end
end
