# frozen_string_literal: true

require 'json'

# Keeps what came, before the sender has its answer: a line is written by one call, and never changed.
class Store
  def initialize(spans_path, requests_path)
    @spans = open_file(spans_path)
    @requests = open_file(requests_path)
    @lock = Mutex.new
  end

  def add(request, otlp_json)
    @lock.synchronize do
      @spans&.syswrite("#{otlp_json}\n") if otlp_json
      @requests&.syswrite("#{JSON.generate(request)}\n")
    end
  end

  # No line is being written any more.
  def close
    @lock.lock
  end

  private

  def open_file(path)
    File.open(path, 'ab', 0o600) if path
  end
end
