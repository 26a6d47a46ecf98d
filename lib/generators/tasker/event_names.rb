# frozen_string_literal: true

require 'did_you_mean'

module Tasker
  module Generators
    # Names of events as they are given to a generator. Whatever ends up in code is checked here.
    class EventNames
      NAMESPACES = %w[task step workflow observability].freeze
      MAX_SIZE = 240 # the bus takes 255 bytes, among them custom. in front
      NAME = /\A[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+\z/
      private_constant :NAMESPACES, :MAX_SIZE, :NAME

      # A name that can't be listened to; the message says what to give instead.
      class Refused < ArgumentError; end

      # @param given [Array<String>] 'task.completed', 'task_completed', 'task.completed,task.failed'
      def initialize(given)
        @given = given.flat_map { |names| names.to_s.split(',') }.map(&:strip).reject(&:empty?)
      end

      # @return [Array<String>] as they are called on the bus, each once
      # @raise [Refused]
      def to_a
        @given.map { |name| resolve(name) }.uniq { |name| name.tr('.', '_') }
      end

      # @return [Array<String>] what looks like a typing error, but may be meant
      def doubts
        to_a.reject { |name| system.include?(name) }.filter_map do |name|
          likely = system.find { |event| DidYouMean::Levenshtein.distance(event, name) <= 2 }
          "#{name} is taken for an event of your application. Did you mean #{likely}?" if likely
        end
      end

      private

      def resolve(name)
        return name if system.include?(name)

        meant = system.find { |event| event.tr('.', '_') == name }
        return meant if meant

        refuse_odd(name)
        refuse_unknown(name) if NAMESPACES.include?(name.split('.').first)
        name
      end

      def refuse_odd(name)
        return if NAME.match?(name) && name.size <= MAX_SIZE

        raise Refused, "#{name.inspect[0, 80]} is not the name of an event. Did you mean #{nearest(name)}? Names are " \
                       "lower-case words, joined by dots: task.completed, order.fulfilled (up to #{MAX_SIZE} letters)"
      end

      def refuse_unknown(name)
        raise Refused, "There is no event #{name}. Did you mean #{nearest(name)}? " \
                       '`rails generate tasker:subscriber --help` lists some; those of your application have a ' \
                       'namespace of their own'
      end

      def nearest(name)
        DidYouMean::SpellChecker.new(dictionary: system).correct(name).first ||
          system.min_by { |event| DidYouMean::Levenshtein.distance(event, name[0, 80]) }
      end

      def system
        @system ||= Tasker::Native::SYSTEM_EVENTS.map(&:last)
      end
    end
  end
end
