# frozen_string_literal: true

require_relative 'errors'

module Tasker
  module Native
    # Of records whose methods query although they have no column of that name: +answer_in_memory(name)+ tells :name and
    # :status without.
    #
    # @api private
    module InMemory; end

    # What steps, tasks and errors of the application tell: they may have a part of their methods only, or raise.
    #
    # @api private
    module Answer
      class << self
        # @param object [Object]
        # @param method [Symbol]
        # @return [Object, nil] nil where it has no answer
        def of(object, method)
          object.public_send(method) if object.respond_to?(method)
        rescue *ISOLATED_ERRORS
          nil
        end

        # What asks no database: a method of an ActiveRecord object may, so that only its columns count.
        #
        # @param object [Object]
        # @param name [Symbol]
        # @return [Object, nil] nil where it has no answer
        def in_memory(object, name)
          return object.answer_in_memory(name) if object.is_a?(InMemory)
          return of(object, name) unless object.respond_to?(:has_attribute?)

          object[name] if object.has_attribute?(name)
        rescue *ISOLATED_ERRORS
          nil
        end

        # @param step [Object]
        # @return [Object, nil] its task; nil where that would have to be loaded
        def task_in_memory(step)
          return of(step, :task) unless step.respond_to?(:association)

          association = step.association(:task)
          association.target if association.loaded?
        rescue *ISOLATED_ERRORS
          nil
        end
      end
    end
  end
end
