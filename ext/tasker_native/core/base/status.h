#ifndef TN_BASE_STATUS_H
#define TN_BASE_STATUS_H

/* What a function of the core can answer. One list makes the codes and their texts. */

/* clang-format off */
#define TN_STATUSES(X)                                              \
    X(TN_OK,                "ok")                                   \
    X(TN_ERROR_MEMORY,      "out of memory")                        \
    X(TN_ERROR_LIMIT,       "a limit was reached")                  \
    X(TN_ERROR_FULL,        "the queue is full")                    \
    X(TN_ERROR_INVALID,     "an argument or a format is not valid") \
    X(TN_ERROR_SYSTEM,      "a system call failed")                 \
    X(TN_ERROR_UNREACHABLE, "the collector can't be reached")       \
    X(TN_ERROR_REJECTED,    "the collector refused the request")    \
    X(TN_ERROR_TIMEOUT,     "time ran out")                         \
    X(TN_ERROR_CLOSED,      "already shut down")
/* clang-format on */

#define TN_STATUS_ENUM(name, text) name,
typedef enum { TN_STATUSES(TN_STATUS_ENUM) TN_STATUS_COUNT } tn_status;
#undef TN_STATUS_ENUM

#define TN_MUST_CHECK __attribute__((warn_unused_result))

/* A static English text, also for a value that is no status. */
const char *tn_status_text(tn_status status);

#endif
