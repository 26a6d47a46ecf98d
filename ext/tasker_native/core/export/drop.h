#ifndef TN_EXPORT_DROP_H
#define TN_EXPORT_DROP_H

/* Why a span did not arrive, and what the log adds to its count. */
/* clang-format off */
#define TN_DROPS(X)                                                                                                   \
    X(TN_DROP_QUEUE_FULL,  "queue_full",  "spans end faster than they leave; raise tel.max_queue_size or tel.max_queue_bytes")       \
    X(TN_DROP_MEMORY,      "memory",      "the process is out of memory")                                             \
    X(TN_DROP_TOO_LARGE,   "too_large",   "lower tel.max_export_batch_size")                                          \
    X(TN_DROP_REJECTED,    "rejected",    "check tel.otlp_endpoint, tel.otlp_headers and the collector's log")        \
    X(TN_DROP_UNREACHABLE, "unreachable", "start a collector there (4318 is HTTP, 4317 is gRPC), or set tel.otlp_endpoint")        \
    X(TN_DROP_DEADLINE,    "deadline",    "the collector is too slow; see tel.otlp_timeout and tel.shutdown_timeout") \
    X(TN_DROP_STORAGE,     "storage",     "check tel.trace_file: its folder, its permissions, space on the disk")     \
    X(TN_DROP_SPOOL_EXPIRED, "spool_expired", "the collector was away for longer than tel.spool_max_age")              \
    X(TN_DROP_SPOOL_FULL,  "spool_full",  "the collector is away; raise tel.spool_max_bytes, or start it")             \
    X(TN_DROP_CORRUPT,     "corrupt",     "check the disk below tel.spool_directory") \
    X(TN_DROP_SHUTDOWN,    "shutdown",    "these spans ended after Tasker::Native.shutdown")
/* clang-format on */

#define TN_DROP_ENUM(id, name, hint) id,
typedef enum { TN_DROPS(TN_DROP_ENUM) TN_DROP_COUNT } tn_drop;
#undef TN_DROP_ENUM

const char *tn_drop_name(tn_drop drop);
const char *tn_drop_hint(tn_drop drop);

#endif
