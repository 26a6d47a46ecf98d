#include "support_metrics.h"

#include "base/process.h"

#include <dirent.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

/* --- For suites ---------------------------------------------------------------------------------------- */

void prepare_metrics(void)
{
    make_folder();
    tn_process_watch_forks();
}

static void remove_folders_in_folder(void)
{
    DIR *entries = opendir(path_in_folder("."));
    for (struct dirent *entry; entries && (entry = readdir(entries));) {
        if (entry->d_name[0] == '.' || entry->d_type != DT_DIR) continue;
        char path[512];
        static const char *const files[] = {"metrics.1", "metrics.1.lock", "metrics.1.damaged", "file"};
        chmod(path_in_folder(entry->d_name), 0700);
        for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++) {
            snprintf(path, sizeof(path), "%s/%s", path_in_folder(entry->d_name), files[i]);
            unlink(path);
        }
        rmdir(path_in_folder(entry->d_name));
    }
    if (entries) closedir(entries);
}

void clean_up_metrics(void)
{
    remove_folders_in_folder();
    remove_folder();
    all_memory_is_back();
}

typedef struct {
    int (*run)(void *argument);
    void *argument;
} errand;

static void unmap_segments(void)
{
    char line[512], path[256];
    void *first, *end;
    FILE *maps = fopen("/proc/self/maps", "r");
    while (maps && fgets(line, sizeof(line), maps)) {
        if (sscanf(line, "%p-%p %*s %*s %*s %*s %255s", &first, &end, path) != 3 || !strstr(path, "/metrics.1"))
            continue;
        munmap(first, (size_t)((char *)end - (char *)first));
    }
    if (maps) fclose(maps);
}

static int run_errand(void *argument)
{
    const errand *e = argument;
    alarm(60);
    int result = e->run(e->argument);
    unmap_segments();
    return result;
}

pid_t start_metrics_child(int (*run)(void *argument), void *argument)
{
    return start_child(run_errand, &(errand){run, argument});
}

/* --- Instruments and series ---------------------------------------------------------------------------- */

tn_instrument_spec counter_spec(const char *name)
{
    return (tn_instrument_spec){.name = tn_text_of(name), .type = TN_COUNTER};
}

tn_instrument_spec gauge_spec(const char *name, tn_combine combine)
{
    return (tn_instrument_spec){.name = tn_text_of(name), .type = TN_GAUGE, .combine = combine};
}

tn_instrument_spec histogram_spec(const char *name, const double *bounds, size_t count)
{
    return (tn_instrument_spec){.name = tn_text_of(name), .type = TN_HISTOGRAM, .bounds = bounds, .bound_count = count};
}

tn_text labels(const char *name, ...)
{
    static uint8_t storage[8][4096];
    static unsigned turn;
    tn_buffer row;
    tn_buffer_init_on(&row, storage[turn], sizeof(storage[turn]), sizeof(storage[turn]));
    turn = (turn + 1) % 8;
    va_list rest;
    va_start(rest, name);
    for (; name; name = va_arg(rest, const char *)) {
        tn_label label = {tn_text_of(name), tn_text_of(va_arg(rest, const char *))};
        cr_assert_eq(tn_labels_append(&row, label), TN_OK);
    }
    va_end(rest);
    return tn_buffer_text(&row);
}

tn_segment *open_segment(void)
{
    tn_segment *segment;
    cr_assert_eq(tn_segment_open(tn_text_of(path_in_folder(".")), &segment), TN_OK);
    return segment;
}

tn_segment *open_segment_to_read(void)
{
    tn_segment *segment;
    cr_assert_eq(tn_segment_open_to_read(tn_text_of(path_in_folder(".")), &segment), TN_OK);
    return segment;
}

tn_slab_series *slab_series(tn_slab *slab, const tn_instrument_spec *spec, tn_text labels)
{
    tn_slab_instrument *instrument;
    tn_slab_series *series;
    cr_assert_eq(tn_slab_instrument_of(slab, spec, &instrument), TN_OK);
    cr_assert_eq(tn_slab_series_of(slab, instrument, labels, SIZE_MAX, &series), TN_OK);
    return series;
}

static tn_metrics *metrics_in(tn_text directory, size_t cardinality_limit)
{
    tn_metrics *metrics = tn_metrics_new();
    cr_assert_not_null(metrics);
    cr_assert_eq(tn_metrics_watch_forks(metrics), TN_OK);
    cr_assert_eq(tn_metrics_configure(
                     metrics, &(tn_metrics_options){.directory = directory, .cardinality_limit = cardinality_limit}),
                 TN_OK);
    return metrics;
}

tn_metrics *shared_metrics(size_t cardinality_limit)
{
    return metrics_in(tn_text_of(path_in_folder(".")), cardinality_limit);
}

tn_metrics *private_metrics(size_t cardinality_limit)
{
    return metrics_in(TN_NO_TEXT, cardinality_limit);
}

tn_series *series_in(tn_metrics *metrics, const tn_instrument_spec *spec, const char *name, ...)
{
    tn_instrument *instrument = tn_metrics_find(metrics, spec->name);
    if (!instrument) cr_assert_eq(tn_metrics_add(metrics, spec, &instrument), TN_OK);

    tn_label given[TN_MAX_LABELS];
    size_t count = 0;
    va_list rest;
    va_start(rest, name);
    for (; name; name = va_arg(rest, const char *))
        given[count++] = (tn_label){tn_text_of(name), tn_text_of(va_arg(rest, const char *))};
    va_end(rest);
    tn_series *series;
    cr_assert_eq(tn_instrument_series(instrument, given, count, &series), TN_OK);
    return series;
}

/* --- What is there ------------------------------------------------------------------------------------- */

view look_at(tn_segment *const *segments, size_t count)
{
    view seen = {.segment_count = count};
    tn_snapshot_init(&seen.snapshot);
    for (size_t i = 0; i < count; i++) {
        seen.segments[i] = tn_segment_keep(segments[i]);
        cr_assert_eq(tn_snapshot_add(&seen.snapshot, segments[i]), TN_OK);
    }
    cr_assert_eq(tn_snapshot_finish(&seen.snapshot), TN_OK);
    return seen;
}

view look_at_folder(void)
{
    tn_segment *segment = open_segment_to_read();
    view seen = look_at(&segment, 1);
    tn_segment_free(segment);
    return seen;
}

view look_at_metrics(tn_metrics *metrics)
{
    tn_metrics_segments kept = tn_metrics_keep_segments(metrics);
    tn_segment *segments[2];
    size_t count = 0;
    if (kept.shared) segments[count++] = kept.shared;
    if (kept.own) segments[count++] = kept.own;
    view seen = look_at(segments, count);
    tn_segment_free(kept.shared);
    tn_segment_free(kept.own);
    return seen;
}

void look_away(view *seen)
{
    tn_snapshot_free(&seen->snapshot);
    for (size_t i = 0; i < seen->segment_count; i++) tn_segment_free(seen->segments[i]);
}

const tn_family *seen_family(const view *seen, const char *name)
{
    for (size_t i = 0; i < seen->snapshot.family_count; i++) {
        if (tn_text_equal(seen->snapshot.families[i]->name, tn_text_of(name))) return seen->snapshot.families[i];
    }
    return NULL;
}

const tn_snapshot_series *seen_series(const view *seen, const char *name, tn_text labels)
{
    const tn_family *family = seen_family(seen, name);
    for (size_t i = 0; family && i < family->series_count; i++) {
        if (tn_text_equal(family->series[i]->labels, labels)) return family->series[i];
    }
    return NULL;
}

double seen_value(const view *seen, const char *name, tn_text labels)
{
    const tn_snapshot_series *series = seen_series(seen, name, labels);
    return series ? tn_snapshot_value(series) : (double)NAN;
}

uint64_t seen_total(const view *seen, const char *name)
{
    uint64_t total = 0;
    const tn_family *family = seen_family(seen, name);
    for (size_t i = 0; family && i < family->series_count; i++) total += family->series[i]->integer;
    return total;
}

uint64_t folder_total(const char *name)
{
    view seen = look_at_folder();
    uint64_t total = seen_total(&seen, name);
    look_away(&seen);
    return total;
}

static void write_text(tn_buffer *out, view *seen, format format)
{
    switch (format) {
    case AS_PROMETHEUS: tn_prometheus_text(out, &seen->snapshot); break;
    case AS_OPENMETRICS: tn_openmetrics_text(out, &seen->snapshot); break;
    case AS_JSON:
        tn_metrics_json(out, &seen->snapshot);
        tn_buffer_append_byte(out, '}');
        break;
    default: cr_assert_eq(tn_metrics_csv(out, &seen->snapshot, TN_TEXT("T")), TN_OK);
    }
    tn_buffer_append_byte(out, '\0');
}

const char *seen_text(view *seen, format format)
{
    static char *copy;
    tn_buffer out;
    tn_buffer_init(&out, (size_t)256 * 1024 * 1024);
    write_text(&out, seen, format);
    cr_assert_eq(out.status, TN_OK);
    free(copy);
    copy = malloc(out.size);
    memcpy(copy, out.bytes, out.size);
    tn_buffer_free(&out);
    return copy;
}

static void assert_sane_series(const tn_family *family, const tn_snapshot_series *series, uint64_t most)
{
    cr_assert(isfinite(series->number) && isfinite(tn_snapshot_value(series)));
    cr_assert_leq(series->integer, most);
    for (size_t i = 0; series->counts && i <= family->spec.bound_count; i++) cr_assert_leq(series->counts[i], most);
    for (size_t i = 0; series->exemplars && i <= family->spec.bound_count; i++)
        cr_assert(isfinite(series->exemplars[i].value));
}

void assert_sane(view *seen, size_t slabs)
{
    for (size_t f = 0; f < seen->snapshot.family_count; f++) {
        const tn_family *family = seen->snapshot.families[f];
        for (size_t i = 0; i < family->series_count; i++)
            assert_sane_series(family, family->series[i], slabs * (UINT64_C(1) << 53));
    }
    for (int format = 0; format < FORMATS; format++) {
        const char *text = seen_text(seen, format);
        if (format == AS_JSON) cr_assert(is_json(tn_text_of(text)), "%s", text);
    }
}
