# frozen_string_literal: true

require 'psych'

require_relative 'payload_schema'

module Tasker
  module Native
    # A file that declares some of the application's own events. An entry that is wrong is told with its line and left
    # out; the others count.
    #
    #   events:
    #     order.shipped:
    #       description: All parcels of an order are on their way
    #       fired_by: [ShipOrder]
    #       payload_schema:
    #         order_id: { type: Integer, required: true }
    #       example_payload:
    #         order_id: 5
    #     order:               # a group: order.paid
    #       paid:
    #         description: The money is there
    #
    # As in upstream's files, the top key may be +event_metadata+, and +constant+ names an event otherwise than its
    # place.
    #
    # @api private
    class EventFile
      KEYS = %w[constant description fired_by payload_schema example_payload].freeze
      TOP_KEYS = %w[events event_metadata].freeze
      private_constant :KEYS, :TOP_KEYS

      # What is wrong, and where.
      class Invalid < StandardError
        # @return [Integer]
        attr_reader :line

        # @param node [Psych::Nodes::Node] where it is
        # @param message [String]
        def initialize(node, message)
          super(message)
          @line = node.start_line + 1
        end
      end

      # What is said about an event.
      #
      # @!attribute [r] name
      #   @return [String]
      # @!attribute [r] details
      #   @return [Hash{Symbol=>Object}] as {CustomRegistry#register_event} takes it
      # @!attribute [r] place
      #   @return [String] "config/tasker/events/orders.yml:7"
      Entry = Struct.new(:name, :details, :place)

      # @return [Array<Entry>] those that are right
      attr_reader :entries

      # @return [Array<String>] "config/tasker/events/orders.yml:7: fired_by is not a list of texts"
      attr_reader :problems

      # @param path [String]
      def initialize(path)
        @path = path
        @entries = []
        @problems = []
        read
      rescue Psych::SyntaxError => e
        @problems << "#{@path}:#{e.line}: #{[e.problem, e.context].compact.join(' ')}"
      rescue *ISOLATED_ERRORS => e
        @problems << "#{@path}: #{Runtime.message_of(e)}"
      end

      private

      def read
        document = Psych.parse(File.read(@path, encoding: 'UTF-8'), filename: @path)
        return unless document # nothing but comments

        checking do
          next if blank?(document.root)

          pairs(document.root, 'the file').each { |key, value| checking { read_top(key, value) } }
        end
      end

      def read_top(key, value)
        unless TOP_KEYS.include?(key.value)
          raise Invalid.new(key, "#{key.value} is unknown; events belong below events:")
        end
        return if blank?(value)

        pairs(value, key.value).each do |name, node|
          checking { name.value.include?('.') ? read_event(name.value, name, node) : read_group(name, node) }
        end
      end

      def read_group(group, value)
        return if blank?(value)

        pairs(value, group.value).each do |name, node|
          checking { read_event("#{group.value}.#{name.value}", name, node) }
        end
      end

      def read_event(name, key, value)
        parts = blank?(value) ? {} : pairs(value, name).to_h { |part, node| [known(name, part), node] }
        constant = parts.delete('constant')
        name = text(constant, 'constant') if constant
        details = parts.to_h { |part, node| [part.to_sym, send(part, node)] }
        check_example(details, parts['example_payload'] || key)
        @entries << Entry.new(name, details, "#{@path}:#{(constant || key).start_line + 1}")
      end

      def known(name, part)
        return part.value if KEYS.include?(part.value)

        raise Invalid.new(part, "#{name} has #{part.value}, which is unknown; there are: #{KEYS.join(', ')}")
      end

      def description(node)
        text(node, 'description')
      end

      def fired_by(node)
        value = Array(value_of(node))
        return value if value.all?(String)

        raise Invalid.new(node, 'fired_by is not a list of texts')
      end

      def payload_schema(node)
        pairs(node, 'payload_schema').to_h { |key, value| [key.value.to_sym, field(key.value, value)] }
      end

      # "{ type: Integer, required: true }", or the type alone.
      def field(name, node)
        value = value_of(node)
        value = { 'type' => value } unless value.is_a?(Hash)
        type, required = value.values_at('type', 'required')
        raise Invalid.new(node, "#{name} has no type, or one that there is not: #{type.inspect}") unless
          PayloadSchema.type?(type)
        return { type: type, required: required || false } if [true, false, nil].include?(required)

        raise Invalid.new(node, "required of #{name} is neither true nor false")
      end

      def example_payload(node)
        pairs(node, 'example_payload').to_h { |key, value| [key.value.to_sym, value_of(value)] }
      end

      def check_example(details, node)
        return unless details.key?(:payload_schema) && details.key?(:example_payload)

        errors = PayloadSchema.new(details[:payload_schema]).errors(details[:example_payload])
        raise Invalid.new(node, "example_payload does not fit: #{errors.join(', ')}") if errors.any?
      end

      def text(node, what)
        value = value_of(node)
        return value if value.is_a?(String) && !value.empty?

        raise Invalid.new(node, "#{what} is not a text")
      end

      # --- YAML, without what could make objects of it ---

      def blank?(node)
        node.is_a?(Psych::Nodes::Scalar) && !node.quoted && value_of(node).nil?
      end

      def pairs(node, what)
        raise Invalid.new(node, "#{what} is not a mapping (name: value)") unless node.is_a?(Psych::Nodes::Mapping)

        bad = node.children.each_slice(2).map(&:first).grep_v(Psych::Nodes::Scalar).first
        raise Invalid.new(bad, "#{what} has a key that is not a text") if bad

        node.children.each_slice(2).to_a
      end

      def value_of(node)
        case node
        when Psych::Nodes::Alias, :tag.to_proc then raise Invalid.new(node, 'aliases and tags are not read')
        when Psych::Nodes::Mapping then pairs(node, 'it').to_h { |key, value| [key.value, value_of(value)] }
        when Psych::Nodes::Sequence then node.children.map { |child| value_of(child) }
        else node.quoted ? node.value : scanner.tokenize(node.value)
        end
      end

      def scanner
        @scanner ||= Psych::ScalarScanner.new(Psych::ClassLoader::Restricted.new(%w[Date], []))
      end

      def checking
        yield
      rescue Invalid => e
        @problems << "#{@path}:#{e.line}: #{e.message}"
      end
    end
  end
end
