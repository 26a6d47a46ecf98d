# frozen_string_literal: true

module Tasker
  module Native
    # Follows the process through Process.fork and Process.daemon, which does not go through Process._fork, and to an
    # end by exit!, which runs no at_exit. What forks behind Ruby's back is noticed by the core, which then starts anew
    # as well.
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
          runtime = ForkHook.runtime
          runtime&.before_fork
          pid = super
        ensure # a fork may fail: then there is a parent only
          pid&.zero? ? runtime&.after_fork_in_child : runtime&.after_fork_in_parent
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

      # For Kernel and whatever else has it: forked jobs (of Resque, parallel) end by exit!.
      module Exit
        # Delivers what is in flight or puts it on disk, within a tenth of a second.
        #
        # @return [void]
        def exit!(...)
          ForkHook.runtime&.before_exit!
          super
        end
      end

      # @return [Runtime, nil] nil in a Ractor, which has none
      def self.runtime
        Native.runtime
      rescue RactorError
        nil
      end

      # Where it is private.
      module PrivateExit
        include Exit

        private :exit!
      end

      # Once a process.
      #
      # @return [void]
      def self.install
        [::Process.singleton_class, ::Kernel.singleton_class].each { |owner| owner.prepend(Exit) }
        ::Process.singleton_class.prepend(Process)
        ::Kernel.prepend(PrivateExit)
      end
    end
  end
end
