// Spans by OpenTelemetry's C++ SDK: what bench/span/large_opentelemetry.rb does, in C++. cpp_spans.rb starts it.
//
//   cpp_spans ENDPOINT QUEUE BATCH DELAY_MS RATE
//
// Reads lines "FIRST LAST BURST" from standard input: makes the spans FIRST up to the one before LAST, BURST at once.
// After each burst it waits so long that there are RATE spans a second, and flushes at the end; with a RATE of 0 it
// flushes after each. It answers with nanoseconds of CPU of this thread (without flushes and waiting) and of the
// process, nanoseconds that passed, and bytes by which the process' memory has grown at most.

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
#include <thread>

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
    if (argc != 6) return EXIT_FAILURE;

    auto spans = provider(argv[1], std::stoul(argv[2]), std::stoul(argv[3]), std::stoi(argv[4]));
    auto tracer = spans->GetTracer("bench");
    const int64_t rate = std::stoll(argv[5]);

    for (int64_t first, last, burst; std::cin >> first >> last >> burst;) {
        int64_t thread = 0;
        forget_peak();
        int64_t resident = memory("VmRSS");
        int64_t process = -now(CLOCK_PROCESS_CPUTIME_ID);
        int64_t wall = -now(CLOCK_MONOTONIC);
        auto due = std::chrono::steady_clock::now();
        while (first < last) {
            int64_t till = std::min(first + burst, last);
            thread -= now(CLOCK_THREAD_CPUTIME_ID);
            make_spans(*tracer, first, till);
            thread += now(CLOCK_THREAD_CPUTIME_ID);
            if (rate) {
                due += std::chrono::nanoseconds((till - first) * 1000000000 / rate);
                std::this_thread::sleep_until(due);
            } else if (!spans->ForceFlush()) {
                return EXIT_FAILURE;
            }
            first = till;
        }
        if (rate && !spans->ForceFlush()) return EXIT_FAILURE;
        process += now(CLOCK_PROCESS_CPUTIME_ID);
        wall += now(CLOCK_MONOTONIC);
        std::cout << thread << ' ' << process << ' ' << wall << ' ' << memory("VmHWM") - resident << std::endl;
    }
}
