# frozen_string_literal: true

module Tasker
  module Native
    class RuntimeMetrics
      # ActiveRecord's pools of connections, where it is used. Asking takes none of them.
      #
      # @api private
      module Pools
        STATISTICS = %i[size connections busy idle dead waiting].to_h do |name|
          [name, :"active_record_connection_pool_#{name}"]
        end.freeze
        private_constant :STATISTICS

        # Of a pool that is no more.
        NONE = STATISTICS.values.to_h { |name| [name, 0] }.freeze

        # @return [Hash{Hash=>Hash{Symbol=>Integer}}] gauges by the labels of their pool
        def self.gauges
          return {} unless defined?(::ActiveRecord::Base)

          ::ActiveRecord::Base.connection_handler.connection_pool_list(:all).to_h do |pool|
            [labels_of(pool), pool.stat.slice(*STATISTICS.keys).transform_keys(STATISTICS)]
          end
        end

        def self.labels_of(pool)
          { pool: pool.db_config.name, role: pool.role, shard: pool.shard }
        end
        private_class_method :labels_of
      end
    end
  end
end
