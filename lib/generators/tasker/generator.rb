# frozen_string_literal: true

require 'pathname'

module Tasker
  # What `rails generate tasker:...` runs.
  module Generators
    # What the generators have in common: whoever calls one that fails is told by its status, and what is undone leaves
    # no empty folders.
    module Generator
      # For the class that includes it.
      module ClassMethods
        # @return [true]
        def exit_on_failure?
          true
        end
      end

      # Gives the class what belongs to a class.
      #
      # @api private
      def self.included(generator)
        super
        generator.extend(ClassMethods)
      end

      private

      # Those that nothing is left in, from this one upwards.
      def remove_empty_folders(path)
        return unless behavior == :revoke && !options[:pretend]

        Pathname(path).cleanpath.ascend { |folder| Dir.rmdir(File.join(destination_root, folder)) }
      rescue Errno::ENOENT, Errno::ENOTEMPTY, Errno::EEXIST
        nil # there is more below it, or it is not there
      end
    end
  end
end
