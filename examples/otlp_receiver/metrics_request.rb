# frozen_string_literal: true

require 'opentelemetry/proto/collector/metrics/v1/metrics_service_pb'
require_relative 'export_request'

# The same of metrics.
class MetricsRequest < ExportRequest
  Message = Opentelemetry::Proto::Collector::Metrics::V1::ExportMetricsServiceRequest
  Response = Opentelemetry::Proto::Collector::Metrics::V1::ExportMetricsServiceResponse

  # @return [Hash] what a line in the list of requests tells of it
  def entry
    { metrics: metrics.map(&:name) }
  end

  # Takes the last points out, as if they had been rejected.
  def reject_last(answer)
    count = answer.partial_success.to_h.fetch(:rejected_data_points, 0)
    metrics.reverse_each do |metric|
      points = points_of(metric)
      rejected = [count, points.size].min
      points.replace(points.first(points.size - rejected))
      count -= rejected
    end
  end

  private

  def metrics
    @message.resource_metrics.flat_map { |group| group.scope_metrics.flat_map { |scoped| scoped.metrics.to_a } }
  end

  def points_of(metric)
    metric.public_send(metric.data).data_points
  end

  def check_message
    metrics.each do |metric|
      raise Invalid, "#{metric.name} has no data" unless metric.data

      points_of(metric).each { |point| check_point(metric, point) }
    end
  end

  def check_point(metric, point)
    check_keys(point.attributes)
    raise Invalid, "#{metric.name} has no time" if point.time_unix_nano.zero?
    return unless point.respond_to?(:bucket_counts)

    right = point.bucket_counts.size == point.explicit_bounds.size + 1 && point.bucket_counts.sum == point.count
    raise Invalid, "#{metric.name}: its buckets are not its count, or not one more than its bounds" unless right
  end

  def hex_all_ids(request)
    groups = request.fetch('resourceMetrics', []).flat_map { |group| group.fetch('scopeMetrics', []) }
    groups.flat_map { |scoped| scoped.fetch('metrics', []) }.each { |metric| hex_exemplars(metric) }
  end

  def hex_exemplars(metric)
    data = metric.values_at('gauge', 'sum', 'histogram', 'exponentialHistogram').compact.first
    data.fetch('dataPoints', []).each { |point| point.fetch('exemplars', []).each { |exemplar| hex_ids_of(exemplar) } }
  end
end
