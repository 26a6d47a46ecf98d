#ifndef TN_TEST_SUPPORT_METRICS_H
#define TN_TEST_SUPPORT_METRICS_H

/* What the tests of metrics/ share: instruments and series in one line, a segment in the tests' folder, and a look at what is
 * in it. */

#include "support_export.h"

#include "metrics/metrics.h"
#include "metrics/metrics_text.h"
#include "metrics/snapshot.h"

/* --- For suites ---------------------------------------------------------------------------------------- */

/* A folder, and forks that are watched. */
void prepare_metrics(void);

/* Also takes away what make_folder's remove_folder leaves: folders in it. */
void clean_up_metrics(void);

/* As start_child, but it has a minute, for there may be a hundred. At its end the child gives up all segments that are mapped:
 * valgrind looks for leaks in whatever is, word by word, also behind the end of a file, where each word costs a signal. */
pid_t start_metrics_child(int (*run)(void *argument), void *argument);

/* --- Instruments and series ---------------------------------------------------------------------------- */

tn_instrument_spec counter_spec(const char *name);
tn_instrument_spec gauge_spec(const char *name, tn_combine combine);
tn_instrument_spec histogram_spec(const char *name, const double *bounds, size_t count);

/* Labels in a row, as tn_labels_next reads them: labels("path", "/", "verb", "get", NULL). Sorted by the caller. Good until
 * eight more calls. */
tn_text labels(const char *name, ...);

/* A segment of the tests' folder. Fails the test where there is none to be had. */
tn_segment *open_segment(void);
tn_segment *open_segment_to_read(void);

/* A series of the slab; fails the test where it can't be had. No limit. */
tn_slab_series *slab_series(tn_slab *slab, const tn_instrument_spec *spec, tn_text labels);

/* Metrics that share the tests' folder, or nothing. */
tn_metrics *shared_metrics(size_t cardinality_limit);
tn_metrics *private_metrics(size_t cardinality_limit);

/* The series of the metrics; the instrument is added if there is none of that name: series_in(m, &spec, "path", "/", NULL). */
tn_series *series_in(tn_metrics *metrics, const tn_instrument_spec *spec, const char *name, ...);

/* --- What is there ------------------------------------------------------------------------------------- */

/* A snapshot and the segments that it points into. */
typedef struct {
    tn_snapshot snapshot;
    tn_segment *segments[8];
    size_t segment_count;
} view;

/* Of the tests' folder; of these segments, kept; of all that the metrics have. */
view look_at_folder(void);
view look_at(tn_segment *const *segments, size_t count);
view look_at_metrics(tn_metrics *metrics);
void look_away(view *seen);

/* NULL when there is none. */
const tn_family *seen_family(const view *seen, const char *name);
const tn_snapshot_series *seen_series(const view *seen, const char *name, tn_text labels);

/* The value of a counter or gauge. NAN when there is none. */
double seen_value(const view *seen, const char *name, tn_text labels);

/* All that a counter counted in Integers, over its series; 0 when there is none. */
uint64_t seen_total(const view *seen, const char *name);

/* In the folder, now. */
uint64_t folder_total(const char *name);

typedef enum { AS_PROMETHEUS, AS_OPENMETRICS, AS_JSON, AS_CSV, FORMATS } format;

/* The snapshot as text, terminated; JSON with its closing bracket, CSV at "T". Good until the next call. */
const char *seen_text(view *seen, format format);

/* Fails the test where a number is not finite, a count is above 2^53 for each of the slabs, or a text can't be written. */
void assert_sane(view *seen, size_t slabs);

#endif
