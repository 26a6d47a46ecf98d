# frozen_string_literal: true

require 'opentelemetry/proto/collector/trace/v1/trace_service_pb'
require 'zlib'

class FaultReceiver
  # What a request may be met with: each public method is a fault, of this name and with these arguments. They are
  # called once the request has been read, except :reset_before_body.
  #
  # Spans count as accepted from before the first byte of an answer with 2xx is written, so that whoever has read the
  # answer finds them, and also when the rest of the answer is broken.
  #
  # Included by a class that has request (the one that is answered), write, close, reset, wait_for_hangup and seed.
  module Faults
    Response = Opentelemetry::Proto::Collector::Trace::V1::ExportTraceServiceResponse
    NOT_PROTOBUF = ("\xFF".b * 16).freeze # a number that does not end
    ZEROS = ("\0" * 65_536).freeze
    GZIP = Zlib::MAX_WBITS + 16
    WITHOUT_BODY = [*100..199, 204, 304].freeze

    def ok
      status(200)
    end

    def status(code, headers: {}, body: '')
      accept if code.between?(200, 299)
      write(answer(code, headers, body))
    end

    # 307 is the one that asks for the same POST elsewhere.
    def redirect(location, status: 307)
      self.status(status, headers: { 'Location' => location })
    end

    def reset_before_body
      reset
    end

    def reset_after_body
      reset
    end

    def close_without_answer
      close
    end

    # Nothing in the answer tells that the connection will not be there for the next request.
    def close_after_answer
      ok
      close
    end

    def connection_close
      status(200, headers: { 'Connection' => 'close' })
      close
    end

    def delay(seconds)
      sleep(seconds)
      ok
    end

    def drip(interval)
      accept
      answer(200).each_byte do |byte|
        write(byte.chr)
        sleep(interval)
      end
    end

    def garbage(size)
      bytes = Random.new(seed).bytes(size)
      bytes.setbyte(0, 0xFF) if size.positive? # nothing that could be the H of HTTP
      write(bytes)
      close
    end

    def huge(bytes)
      accept
      write(head(200, 'Content-Length' => bytes))
      zeros(bytes) { |part| write(part) }
    end

    # Made while it is sent: its length is not known before, the end of the connection is the end of the body.
    def huge_gzip(bytes)
      accept
      write(head(200, 'Content-Encoding' => 'gzip', 'Connection' => 'close'))
      gzip = Zlib::Deflate.new(Zlib::BEST_SPEED, GZIP)
      zeros(bytes) { |part| write(gzip.deflate(part)) }
      write(gzip.finish)
      close
    ensure
      gzip&.reset # or Ruby would warn when the sender has not waited for the end
      gzip&.close
    end

    # What is sent would be a good answer if it were the whole of it.
    def short_body
      body = partial(0, 'the rest of this is missing')
      status(200, headers: { 'Content-Length' => body.bytesize * 2 }, body: body)
      close
    end

    def bad_length
      status(200, headers: { 'Content-Length' => 'nonsense' })
      close
    end

    def partial_success(rejected, message = '')
      accept(rejected: rejected)
      write(answer(200, {}, partial(rejected, message)))
    end

    def bad_protobuf
      status(200, body: NOT_PROTOBUF)
    end

    # Until the sender gives up, or the receiver is stopped.
    def never
      wait_for_hangup
      close
    end

    private

    def accept(rejected: 0)
      ids = request.span_ids
      request.accepted_span_ids = ids.first([ids.size - rejected, 0].max)
    end

    def answer(code, headers = {}, body = '')
      length = WITHOUT_BODY.include?(code) ? {} : { 'Content-Length' => body.bytesize }
      head(code, { **length, **headers }) + body.b
    end

    def head(code, headers)
      lines = { 'Content-Type' => 'application/x-protobuf', **headers }.map { |name, value| "#{name}: #{value}" }
      "HTTP/1.1 #{code} Fault\r\n#{lines.join("\r\n")}\r\n\r\n".b
    end

    def partial(rejected, message)
      Response.new(partial_success: { rejected_spans: rejected, error_message: message }).to_proto
    end

    def zeros(bytes)
      (bytes / ZEROS.bytesize).times { yield ZEROS }
      yield ZEROS.byteslice(0, bytes % ZEROS.bytesize)
    end
  end
end
