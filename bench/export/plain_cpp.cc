// Spans by OpenTelemetry's C++ SDK: what bench/span/large_opentelemetry.rb does, in C++. plain_cpp.rb starts it.
//
//   plain_cpp ENDPOINT QUEUE BATCH DELAY_MS
//
// Reads lines "FIRST LAST BURST" from standard input: makes the spans FIRST up to the one before LAST, with a flush
// after each BURST, and answers with nanoseconds of CPU of this thread (without the flushes) and of the process,
// nanoseconds that passed, and bytes by which the process' memory has grown at most.

#include <sys/resource.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <memory>
#include <string>

#include <opentelemetry/exporters/otlp/otlp_http_exporter_factory.h>
#include <opentelemetry/exporters/otlp/otlp_http_exporter_options.h>
#include <opentelemetry/sdk/resource/resource.h>
#include <opentelemetry/sdk/trace/batch_span_processor_factory.h>
#include <opentelemetry/sdk/trace/batch_span_processor_options.h>
#include <opentelemetry/sdk/trace/tracer_provider.h>
#include <opentelemetry/sdk/trace/tracer_provider_factory.h>

namespace otlp = opentelemetry::exporter::otlp;
namespace sdk = opentelemetry::sdk::trace;
namespace trace = opentelemetry::trace;

namespace
{

int64_t now(clockid_t clock)
{
    timespec time{};
    clock_gettime(clock, &time);
    return int64_t{time.tv_sec} * 1000000000 + time.tv_nsec;
}

// Of /proc/self/status, in bytes.
int64_t memory(const std::string &name)
{
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
        if (line.rfind(name + ":", 0) == 0) return std::stoll(line.substr(name.size() + 1)) * 1024;
    }
    return 0;
}

void forget_peak()
{
    std::ofstream("/proc/self/clear_refs") << "5";
}

std::unique_ptr<sdk::TracerProvider> provider(const char *endpoint, size_t queue, size_t batch, int delay)
{
    otlp::OtlpHttpExporterOptions exporter;
    exporter.url = std::string(endpoint) + "/v1/traces";
    exporter.content_type = otlp::HttpRequestContentType::kBinary;

    sdk::BatchSpanProcessorOptions processor;
    processor.max_queue_size = queue;
    processor.max_export_batch_size = batch;
    processor.schedule_delay_millis = std::chrono::milliseconds(delay);

    return sdk::TracerProviderFactory::Create(
        sdk::BatchSpanProcessorFactory::Create(otlp::OtlpHttpExporterFactory::Create(exporter), processor),
        opentelemetry::sdk::resource::Resource::Create({{"service.name", "tasker"}}));
}

void make_spans(trace::Tracer &tracer, int64_t first, int64_t last)
{
    for (int64_t number = first; number < last; number++) {
        auto span = tracer.StartSpan("tasker.step.execution", {{"tasker.task_id", number >> 3},
                                                               {"tasker.step_id", number},
                                                               {"tasker.step_name", "process_payment"},
                                                               {"tasker.attempt_number", int64_t{1}},
                                                               {"tasker.retry_limit", int64_t{3}},
                                                               {"tasker.execution_duration", 0.125},
                                                               {"tasker.queue", "default"},
                                                               {"tasker.retryable", true}});
        span->AddEvent("step.completed");
        span->SetStatus(trace::StatusCode::kOk);
        span->End();
    }
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 5) return EXIT_FAILURE;

    auto spans = provider(argv[1], std::stoul(argv[2]), std::stoul(argv[3]), std::stoi(argv[4]));
    auto tracer = spans->GetTracer("bench");

    for (int64_t first, last, burst; std::cin >> first >> last >> burst;) {
        int64_t thread = 0;
        forget_peak();
        int64_t resident = memory("VmRSS");
        int64_t process = -now(CLOCK_PROCESS_CPUTIME_ID);
        int64_t wall = -now(CLOCK_MONOTONIC);
        while (first < last) {
            int64_t till = std::min(first + burst, last);
            thread -= now(CLOCK_THREAD_CPUTIME_ID);
            make_spans(*tracer, first, till);
            thread += now(CLOCK_THREAD_CPUTIME_ID);
            if (!spans->ForceFlush()) return EXIT_FAILURE;
            first = till;
        }
        process += now(CLOCK_PROCESS_CPUTIME_ID);
        wall += now(CLOCK_MONOTONIC);
        std::cout << thread << ' ' << process << ' ' << wall << ' ' << memory("VmHWM") - resident << std::endl;
    }
}
