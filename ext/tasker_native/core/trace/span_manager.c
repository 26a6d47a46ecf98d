#include "trace/span_manager.h"

#include "base/list.h"
#include "base/process.h"
#include "base/table.h"
#include "trace/seal.h"
#include "trace/step_table.h"

#include <pthread.h>

#define MAX_LINGERING 10000
#define EVICTIONS_A_CALL 2 /* keeps the work of one event bounded */

#define NAME_TASK TN_TEXT("tasker.task.execution")
#define NAME_TASK_INITIALIZE TN_TEXT("tasker.task.initialize")
#define NAME_STEP TN_TEXT("tasker.step.execution")
#define NAME_STEP_QUEUED TN_TEXT("tasker.step.queued")
#define NAME_STEP_RETRY TN_TEXT("tasker.step.retry")

typedef enum {
    TASK_REQUESTED, /* only its initialization was seen: no root yet */
    TASK_OPEN,
    TASK_LINGERING, /* ended, waits for a richer end */
    TASK_ENDED,     /* a tombstone */
} task_state;

typedef struct {
    tn_table_node node;
    tn_link link; /* in the list of its state */
    task_state state;
    bool abandoned; /* a tombstone without an end: this run may go on */
    uint32_t run;
    tn_event_id ended_by;
    tn_moment requested; /* its initialization; 0: not seen here */
    uint64_t began;      /* this run, somewhere else: Unix time in nanoseconds; 0: here, or nobody knows */
    uint64_t since;      /* monotonic: in this state */
    tn_trace_id trace_id;
    tn_span_id root_id, first_root_id; /* of this run, and of the first */
    tn_span *root;                     /* owned; NULL unless open or lingering */
    size_t id_size;
    char id[];
} task;

#define MAX_DERIVED 40 /* a UUID, and more than any number */

/* The ids derived last: steps of a task that is not known here often come one after the other. */
typedef struct {
    char task_id[MAX_DERIVED];
    size_t size; /* 0: none */
    tn_trace_id trace_id;
    tn_span_id root_id;
} derived_parent;

struct tn_span_manager {
    pthread_mutex_t lock;
    unsigned generation;
    tn_span_sink sink;
    uint64_t seed;
    size_t max_open;
    uint64_t max_age;
    tn_span_limits limits;
    tn_id_generator ids;
    tn_span_stock stock;
    derived_parent derived;

    tn_table tasks;
    tn_list open_tasks, lingering_tasks, ended_tasks;
    tn_step_table steps;
    size_t counted_steps; /* of open ones, that the sink was told of */
    uint64_t abandoned_roots;
};

static void leave(tn_span_manager *manager, tn_delivery *out)
{
    tn_span_sink sink = manager->sink;
    size_t open = tn_step_table_count(&manager->steps);
    int64_t change = (int64_t)open - (int64_t)manager->counted_steps;
    manager->counted_steps = open;
    pthread_mutex_unlock(&manager->lock);
    if (change != 0 && sink.count_steps) sink.count_steps(sink.self, change);
    if (out->ended.count > 0 || out->released.count > 0 || out->lost > 0) sink.deliver(sink.self, out);
}

/* Threads read the clock before they wait for the lock: what is recorded later may have happened earlier. And what began
 * before this machine did is at a monotonic time below 0. */
static uint64_t elapsed(uint64_t since, uint64_t now)
{
    int64_t difference = (int64_t)(now - since);
    return difference > 0 ? (uint64_t)difference : 0;
}

/* A moment of an open span on the clock that its end will have, so that none of its events lies outside of it. */
static uint64_t time_within(const tn_span *span, tn_moment now)
{
    return span->start + elapsed(span->started, now.monotonic);
}

static void add_event(tn_span_manager *manager, tn_span *span, const tn_occurrence *occurrence)
{
    uint64_t time = time_within(span, occurrence->now);
    tn_span_add_event(span, &manager->limits, occurrence->name, time, occurrence->payload);
}

/* --- Tasks --------------------------------------------------------------------------------------------- */

static bool is_task(const tn_table_node *node, const void *key)
{
    const task *candidate = TN_CONTAINER(node, task, node);
    return tn_text_equal((tn_text){candidate->id, candidate->id_size}, *(const tn_text *)key);
}

static task *find_task(tn_span_manager *manager, tn_text id)
{
    if (id.size == 0 || manager->tasks.count == 0) return NULL;
    tn_table_node *node = tn_table_find(&manager->tasks, tn_hash(id), is_task, &id);
    return node ? TN_CONTAINER(node, task, node) : NULL;
}

static tn_list *list_of(tn_span_manager *manager, task_state state)
{
    if (state == TASK_LINGERING) return &manager->lingering_tasks;
    if (state == TASK_ENDED) return &manager->ended_tasks;
    return &manager->open_tasks;
}

static void free_task(tn_span_manager *manager, task *task)
{
    tn_list_remove(list_of(manager, task->state), &task->link);
    tn_table_remove(&manager->tasks, &task->node);
    tn_span_free(task->root);
    tn_free(task);
}

static void move_task(tn_span_manager *manager, task *task, task_state state, uint64_t now)
{
    tn_list_remove(list_of(manager, task->state), &task->link);
    task->state = state;
    task->since = now;
    tn_list_add(list_of(manager, state), &task->link);
}

static task *oldest_of(const tn_list *list)
{
    tn_link *link = tn_list_oldest(list);
    return link ? TN_CONTAINER(link, task, link) : NULL;
}

static void bury_task(tn_span_manager *manager, task *task, uint64_t now)
{
    move_task(manager, task, TASK_ENDED, now);
    if (manager->ended_tasks.count > TN_MAX_ENDED_TASKS) free_task(manager, oldest_of(&manager->ended_tasks));
}

static void give_root_up(tn_span_manager *manager, task *task)
{
    if (task->state == TASK_OPEN) manager->abandoned_roots++;
    tn_span_free(task->root);
    task->root = NULL;
}

static void abandon(tn_span_manager *manager, task *task)
{
    give_root_up(manager, task);
    if (task->run == 1) {
        free_task(manager, task);
    } else {
        /* Remembered: the first run has left under the derived id, which no later root may have again. */
        task->abandoned = true;
        bury_task(manager, task, task->since);
    }
}

/* The same in every process that knows which run it is. */
static tn_span_id root_id_of(const tn_span_manager *manager, tn_text id, uint32_t run)
{
    return tn_span_id_derived(manager->seed + (run - 1), id);
}

static task *new_task(tn_span_manager *manager, tn_text id, uint64_t now)
{
    task *task = tn_alloc(sizeof(*task) + id.size);
    if (!task) return NULL;

    memset(task, 0, sizeof(*task));
    task->trace_id = tn_trace_id_derived(manager->seed, id);
    task->root_id = task->first_root_id = root_id_of(manager, id, 1);
    task->state = TASK_REQUESTED;
    task->since = now;
    task->run = 1;
    task->id_size = id.size;
    memcpy(task->id, id.bytes, id.size);

    if (tn_table_add(&manager->tasks, &task->node, tn_hash(id)) != TN_OK) {
        tn_free(task);
        return NULL;
    }
    tn_list_add(&manager->open_tasks, &task->link);
    return task;
}

static const derived_parent *derive_parent(tn_span_manager *manager, tn_text task_id)
{
    derived_parent *derived = &manager->derived;
    if (tn_text_equal(task_id, (tn_text){derived->task_id, derived->size})) return derived;

    derived->trace_id = tn_trace_id_derived(manager->seed, task_id);
    derived->root_id = tn_span_id_derived(manager->seed, task_id);
    derived->size = task_id.size <= MAX_DERIVED ? task_id.size : 0;
    memcpy(derived->task_id, task_id.bytes, derived->size);
    return derived;
}

/* Where spans of a task belong: below its root, known here or not. */
static void parent_of(tn_span_manager *manager, tn_text task_id, tn_trace_id *trace_id, tn_span_id *parent_id)
{
    task *task = find_task(manager, task_id);
    if (task) {
        *trace_id = task->trace_id;
        *parent_id = task->root_id;
    } else if (task_id.size > 0) {
        const derived_parent *derived = derive_parent(manager, task_id);
        *trace_id = derived->trace_id;
        *parent_id = derived->root_id;
    } else {
        *trace_id = tn_trace_id_random(&manager->ids);
        *parent_id = (tn_span_id){{0}};
    }
}

static tn_span *new_child(tn_span_manager *manager, tn_text name, tn_text task_id)
{
    tn_trace_id trace_id;
    tn_span_id parent_id;
    parent_of(manager, task_id, &trace_id, &parent_id);
    return tn_span_new(&manager->stock, name, trace_id, tn_span_id_random(&manager->ids), parent_id);
}

static void finish(tn_delivery *out, tn_span *span)
{
    tn_span_list_add(&out->ended, span);
}

/* A span between two moments of the same clock that needs no end of its own. */
static void add_wait(tn_span_manager *manager, tn_delivery *out, tn_text name, tn_text task_id, tn_moment from,
                     tn_moment to)
{
    uint64_t waited = elapsed(from.monotonic, to.monotonic);
    if (from.monotonic == 0 || waited < TN_QUEUED_MINIMUM) return;

    tn_span *span = new_child(manager, name, task_id);
    if (!span) {
        out->lost++;
        return;
    }
    span->start = to.wall - waited; /* its end is the start of what it waited for, to the nanosecond */
    span->end = to.wall;
    finish(out, span);
}

static void release_root(tn_span_manager *manager, tn_delivery *out, task *task, uint64_t now)
{
    tn_span_list_add(&out->released, task->root);
    task->root = NULL;
    bury_task(manager, task, now);
}

static void release_roots(tn_span_manager *manager, tn_delivery *out, uint64_t now, bool all)
{
    for (task *task; (task = oldest_of(&manager->lingering_tasks));) {
        bool crowded = manager->lingering_tasks.count > MAX_LINGERING;
        if (!all && !crowded && now < task->since + TN_LINGER) break;
        release_root(manager, out, task, now);
    }
}

/* A pair or two that the manager itself adds. */
typedef struct {
    uint8_t storage[256];
    tn_buffer buffer;
    tn_payload_writer writer;
} own_pairs;

static void begin_pairs(tn_span_manager *manager, own_pairs *own)
{
    tn_buffer_init_on(&own->buffer, own->storage, sizeof(own->storage), TN_PAYLOAD_BUFFER);
    tn_payload_writer_init(&own->writer, &own->buffer, 0, manager->limits.value_size);
}

static void add_text(own_pairs *own, tn_text key, tn_text value)
{
    if (value.size > 0 && tn_payload_key(&own->writer, key)) tn_payload_string(&own->writer, value);
}

static tn_pairs pairs_of(const own_pairs *own, bool prefixed)
{
    if (own->buffer.status != TN_OK) return (tn_pairs){.dropped = own->writer.count};
    return (tn_pairs){own->buffer.bytes, own->buffer.size, own->writer.count, own->writer.dropped, prefixed};
}

static void tell_run(tn_span_manager *manager, const task *task, tn_span *root)
{
    own_pairs own;
    begin_pairs(manager, &own);
    if (tn_payload_key(&own.writer, TN_TEXT("tasker.run"))) tn_payload_integer(&own.writer, task->run);
    tn_span_add_attributes(root, pairs_of(&own, false));
    tn_buffer_free(&own.buffer);
    tn_span_add_link(root, &manager->limits, task->trace_id, task->first_root_id);
}

static tn_span *new_root(tn_span_manager *manager, task *task)
{
    task->root = tn_span_new(&manager->stock, NAME_TASK, task->trace_id, task->root_id, (tn_span_id){{0}});
    if (task->root && task->run > 1) tell_run(manager, task, task->root);
    return task->root;
}

static void begin_run(tn_span_manager *manager, tn_delivery *out, task *task, uint32_t run, tn_span_id root_id,
                      uint64_t now)
{
    if (task->state == TASK_LINGERING) release_root(manager, out, task, now);
    give_root_up(manager, task);
    task->run = run;
    task->root_id = root_id;
    task->abandoned = false;
    task->requested = (tn_moment){0};
    task->began = 0;
    move_task(manager, task, TASK_REQUESTED, now);
}

static void begin_another_run(tn_span_manager *manager, tn_delivery *out, task *task, uint64_t now)
{
    tn_span_id root_id = tn_span_id_random(&manager->ids); /* another process may be at another run */
    begin_run(manager, out, task, task->run + 1, root_id, now);
}

static void begin_known_run(tn_span_manager *manager, tn_delivery *out, task *task, uint32_t run, uint64_t now)
{
    tn_span_id root_id = root_id_of(manager, (tn_text){task->id, task->id_size}, run);
    begin_run(manager, out, task, run, root_id, now);
}

static void start_task(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence)
{
    tn_moment now = occurrence->now;
    task *task = find_task(manager, occurrence->task_id);
    if (!task) task = new_task(manager, occurrence->task_id, now.monotonic);
    if (!task || task->state == TASK_OPEN) return;

    if (task->state != TASK_REQUESTED) begin_another_run(manager, out, task, now.monotonic);
    tn_span *root = new_root(manager, task);
    if (!root) return;

    root->start = task->began && task->began < now.wall ? task->began : now.wall;
    root->started = now.monotonic - (now.wall - root->start);
    move_task(manager, task, TASK_OPEN, now.monotonic);
    tn_span_add_event_and_attributes(root, &manager->limits, TN_TEXT("task.started"), root->start, occurrence->payload);
}

static void initialize_task(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    task *task = find_task(manager, occurrence->task_id);
    if (task && task->state == TASK_OPEN) { /* back to pending: its root goes on */
        add_event(manager, task->root, occurrence);
        return;
    }
    if (!task) task = new_task(manager, occurrence->task_id, occurrence->now.monotonic);
    if (task && task->state == TASK_REQUESTED && task->requested.wall == 0) task->requested = occurrence->now;
}

/* A root that another process began: its start is what is known of the run, else what the payload says. */
static task *adopt_task(tn_span_manager *manager, task *task, const tn_occurrence *occurrence)
{
    if (!task) task = new_task(manager, occurrence->task_id, occurrence->now.monotonic);
    if (!task) return NULL;
    if (!new_root(manager, task)) {
        bury_task(manager, task, occurrence->now.monotonic); /* lost once, however often its end is told */
        return NULL;
    }

    uint64_t now = occurrence->now.wall, start = task->began ? task->began : occurrence->started_at;
    if (start == 0) start = now > occurrence->duration ? now - occurrence->duration : now;
    task->root->start = start < now ? start : now;
    task->root->end = now;
    return task;
}

static void add_exception(tn_span_manager *manager, tn_span *span, const tn_occurrence *occurrence)
{
    own_pairs own;
    begin_pairs(manager, &own);
    add_text(&own, TN_TEXT("error"), occurrence->error_message);
    tn_span_add_attributes(span, pairs_of(&own, true));

    tn_buffer_clear(&own.buffer);
    tn_payload_writer_init(&own.writer, &own.buffer, 0, manager->limits.value_size);
    add_text(&own, TN_TEXT("error.type"), occurrence->error_type);
    tn_span_add_attributes(span, pairs_of(&own, false));

    tn_buffer_clear(&own.buffer);
    tn_payload_writer_init(&own.writer, &own.buffer, 0, manager->limits.value_size);
    add_text(&own, TN_TEXT("exception.type"), occurrence->error_type);
    add_text(&own, TN_TEXT("exception.message"), occurrence->error_message);
    add_text(&own, TN_TEXT("exception.stacktrace"), occurrence->stacktrace);
    if (own.writer.count > 0) {
        tn_span_add_event(span, &manager->limits, TN_TEXT("exception"), span->end, pairs_of(&own, false));
    }
    tn_buffer_free(&own.buffer);
}

static void end_span(tn_span_manager *manager, tn_span *span, const tn_occurrence *occurrence, tn_span_status status)
{
    if (span->end == 0) span->end = span->start + elapsed(span->started, occurrence->now.monotonic);
    tn_span_add_event_and_attributes(span, &manager->limits, occurrence->name, span->end, occurrence->payload);
    if (status == TN_STATUS_ERROR) add_exception(manager, span, occurrence);
    tn_span_set_status(span, status, occurrence->error_message);
}

static void end_task(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence, tn_span_status status)
{
    task *task = find_task(manager, occurrence->task_id);
    if (task && task->state == TASK_LINGERING && task->ended_by == occurrence->event) {
        tn_span_add_attributes(task->root, occurrence->payload);
        return;
    }
    if (task && task->state >= TASK_LINGERING) return;
    if (!task || !task->root) task = adopt_task(manager, task, occurrence);
    if (!task) {
        out->lost++;
        return;
    }

    end_span(manager, task->root, occurrence, status);
    task->ended_by = occurrence->event;
    tn_moment start = {task->root->start, task->root->started};
    if (start.monotonic) add_wait(manager, out, NAME_TASK_INITIALIZE, occurrence->task_id, task->requested, start);
    /* Under the lock: another thread may release the root as soon as it lingers, and nothing leaves uncounted. */
    manager->sink.accept(manager->sink.self);
    move_task(manager, task, TASK_LINGERING, occurrence->now.monotonic);
}

/* --- Steps --------------------------------------------------------------------------------------------- */

static tn_step_key key_of_step(const tn_occurrence *occurrence)
{
    return tn_step_key_of(occurrence->task_id, occurrence->step_id);
}

static void interrupt_step(tn_span_manager *manager, tn_delivery *out, tn_open_step *step, tn_moment now)
{
    tn_span *span = tn_step_table_end(&manager->steps, step);
    span->end = span->start + elapsed(span->started, now.monotonic);
    tn_span_add_event(span, &manager->limits, TN_TEXT("tasker.span.interrupted"), span->end, TN_NO_PAIRS);
    finish(out, span);
}

/* The step, open; perhaps only now. Its span is made before it is known whether it is needed, for most are: looking is a
 * cache miss when many are open, and it comes meanwhile. */
static tn_open_step *open_step(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    tn_step_key key = key_of_step(occurrence);
    if (tn_step_table_is_newest(&manager->steps, key)) return manager->steps.newest;

    tn_step_table_fetch(&manager->steps, key);
    tn_span *span = new_child(manager, NAME_STEP, occurrence->task_id);
    tn_open_step *step = tn_step_table_find(&manager->steps, key);
    if (!step && span) {
        span->start = occurrence->now.wall;
        span->started = occurrence->now.monotonic;
        step = tn_step_table_open(&manager->steps, key, span, span->started);
        if (step) return step;
    }
    tn_span_stock_put(&manager->stock, span);
    return step;
}

static void request_step(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    if (occurrence->step_id.size == 0) return;

    tn_open_step *step = open_step(manager, occurrence);
    if (!step || step->requested.wall != 0 || step->handling) return;

    step->requested = occurrence->now;
    tn_span_add_attributes(tn_open_step_span(step), occurrence->payload);
}

static void handle_step(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence)
{
    if (occurrence->step_id.size == 0) return;

    tn_open_step *step = open_step(manager, occurrence);
    if (!step) return;

    tn_span *span = tn_open_step_span(step);
    if (!step->handling) {
        add_wait(manager, out, NAME_STEP_QUEUED, occurrence->task_id, step->requested, occurrence->now);
    }
    step->handling = true;
    span->start = occurrence->now.wall;
    span->started = occurrence->now.monotonic;
    tn_span_add_attributes(span, occurrence->payload);
}

/* A step whose beginning was not seen here: as wide as its payload says. */
static tn_span *unopened_step(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    tn_span *span = new_child(manager, NAME_STEP, occurrence->task_id);
    if (!span) return NULL;

    uint64_t now = occurrence->now.wall, duration = occurrence->duration;
    if (occurrence->started_at) {
        span->start = occurrence->started_at;
        span->end = duration ? span->start + duration : occurrence->completed_at ? occurrence->completed_at : now;
    } else {
        span->end = occurrence->completed_at ? occurrence->completed_at : now;
        span->start = span->end > duration ? span->end - duration : span->end;
    }
    if (span->end < span->start) span->end = span->start;
    return span;
}

/* A step that is given up, or settled by hand, while nobody works on it: no attempt, so no span. Its task is told. */
static bool is_settled_only(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    if (occurrence->event != TN_STEP_CANCELLED && occurrence->event != TN_STEP_RESOLVED_MANUALLY) return false;
    return occurrence->step_id.size == 0 || !tn_step_table_find(&manager->steps, key_of_step(occurrence));
}

static void tell_task(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    task *task = find_task(manager, occurrence->task_id);
    if (task && task->state == TASK_OPEN) add_event(manager, task->root, occurrence);
}

/* NULL when there is nothing to end any more, or no memory: that counts as lost. */
static tn_span *take_step(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence)
{
    if (occurrence->step_id.size > 0) {
        tn_step_key key = key_of_step(occurrence);
        tn_open_step *step = tn_step_table_find(&manager->steps, key);
        if (step) return tn_step_table_end(&manager->steps, step);
        if (tn_step_table_has_ended(&manager->steps, key)) return NULL;
        tn_step_table_bury(&manager->steps, key);
    }

    tn_span *span = unopened_step(manager, occurrence);
    if (!span) out->lost++;
    return span;
}

static void end_step(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence, tn_span_status status)
{
    if (is_settled_only(manager, occurrence)) {
        tell_task(manager, occurrence);
        return;
    }
    tn_span *span = take_step(manager, out, occurrence);
    if (!span) return;

    end_span(manager, span, occurrence, status);
    finish(out, span);
}

static void retry_step(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence)
{
    tn_span *span = new_child(manager, NAME_STEP_RETRY, occurrence->task_id);
    if (!span) {
        out->lost++;
        return;
    }
    span->start = span->end = occurrence->now.wall;
    tn_span_add_event_and_attributes(span, &manager->limits, occurrence->name, span->end, occurrence->payload);
    finish(out, span);
}

/* --- The manager --------------------------------------------------------------------------------------- */

static void empty(tn_span_manager *manager)
{
    tn_list *tasks[] = {&manager->open_tasks, &manager->lingering_tasks, &manager->ended_tasks};
    for (size_t i = 0; i < 3; i++) {
        while (tn_list_oldest(tasks[i])) free_task(manager, oldest_of(tasks[i]));
    }
    tn_step_table_clear(&manager->steps);
    manager->abandoned_roots = 0;
}

static void enter(tn_span_manager *manager)
{
    pthread_mutex_lock(&manager->lock);
    if (manager->generation == tn_process_generation()) return;

    empty(manager);
    manager->counted_steps = 0; /* the parent's */
    manager->generation = tn_process_generation();
}

static void configure(tn_span_manager *manager, const tn_span_manager_options *options)
{
    manager->seed = tn_seed_of(options->trace_seed);
    manager->derived.size = 0;
    manager->max_open = options->max_open_spans > 0 ? options->max_open_spans : 1;
    tn_step_table_configure(&manager->steps, manager->max_open);
    manager->max_age = options->max_age;
    manager->limits = options->limits;
}

tn_span_manager *tn_span_manager_new(const tn_span_manager_options *options, tn_span_sink sink)
{
    tn_span_manager *manager = tn_alloc_zeroed(sizeof(*manager));
    if (!manager) return NULL;

    pthread_mutex_init(&manager->lock, NULL);
    manager->generation = tn_process_generation();
    manager->sink = sink;
    tn_id_generator_init(&manager->ids);
    tn_list_init(&manager->open_tasks);
    tn_list_init(&manager->lingering_tasks);
    tn_list_init(&manager->ended_tasks);
    tn_step_table_init(&manager->steps, options->max_open_spans);
    manager->stock.pool = sink.pool;
    configure(manager, options);
    return manager;
}

void tn_span_manager_free(tn_span_manager *manager)
{
    if (!manager) return;

    tn_span_manager_release(manager, 0, true);
    empty(manager);
    tn_table_free(&manager->tasks);
    tn_step_table_free(&manager->steps);
    tn_span_stock_free(&manager->stock);
    pthread_mutex_destroy(&manager->lock);
    tn_free(manager);
}

void tn_span_manager_configure(tn_span_manager *manager, const tn_span_manager_options *options)
{
    enter(manager);
    configure(manager, options);
    pthread_mutex_unlock(&manager->lock);
}

bool tn_span_manager_wants(tn_event_id event)
{
    switch (event) {
    case TN_TASK_INITIALIZE_REQUESTED:
    case TN_TASK_START_REQUESTED:
    case TN_TASK_COMPLETED:
    case TN_TASK_FAILED:
    case TN_TASK_CANCELLED:
    case TN_TASK_RESOLVED_MANUALLY:
    case TN_STEP_EXECUTION_REQUESTED:
    case TN_STEP_BEFORE_HANDLE:
    case TN_STEP_COMPLETED:
    case TN_STEP_FAILED:
    case TN_STEP_CANCELLED:
    case TN_STEP_RESOLVED_MANUALLY:
    case TN_STEP_RETRY_REQUESTED: return true;
    default: return tn_event_is_custom(event);
    }
}

static bool is_too_much(const tn_span_manager *manager, size_t count, uint64_t since, tn_moment now)
{
    return count > manager->max_open || elapsed(since, now.monotonic) > manager->max_age;
}

static void evict(tn_span_manager *manager, tn_delivery *out, tn_moment now)
{
    for (int i = 0; i < EVICTIONS_A_CALL; i++) {
        task *task = oldest_of(&manager->open_tasks);
        if (task && is_too_much(manager, manager->open_tasks.count, task->since, now)) abandon(manager, task);
        tn_open_step *step = tn_step_table_oldest(&manager->steps);
        if (step && is_too_much(manager, tn_step_table_count(&manager->steps), step->since, now))
            interrupt_step(manager, out, step, now);
    }
}

static tn_span *find_open(tn_span_manager *manager, tn_span_key key)
{
    if (key.step_id.size > 0) {
        tn_open_step *step = tn_step_table_find(&manager->steps, tn_step_key_of(key.task_id, key.step_id));
        return step ? tn_open_step_span(step) : NULL;
    }
    task *task = find_task(manager, key.task_id);
    return task && task->state == TASK_OPEN ? task->root : NULL;
}

/* An event of the application's own belongs to the step, else to the task, that it names. */
static void add_custom_event(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    tn_span *span = find_open(manager, (tn_span_key){occurrence->task_id, occurrence->step_id});
    if (!span && occurrence->step_id.size > 0)
        span = find_open(manager, (tn_span_key){occurrence->task_id, TN_NO_TEXT});
    if (span) add_event(manager, span, occurrence);
}

static void dispatch(tn_span_manager *manager, tn_delivery *out, const tn_occurrence *occurrence)
{
    switch (occurrence->event) {
    case TN_TASK_INITIALIZE_REQUESTED: initialize_task(manager, occurrence); break;
    case TN_TASK_START_REQUESTED: start_task(manager, out, occurrence); break;
    case TN_TASK_COMPLETED:
    case TN_TASK_RESOLVED_MANUALLY: end_task(manager, out, occurrence, TN_STATUS_OK); break;
    case TN_TASK_FAILED: end_task(manager, out, occurrence, TN_STATUS_ERROR); break;
    case TN_TASK_CANCELLED: end_task(manager, out, occurrence, TN_STATUS_UNSET); break;
    case TN_STEP_EXECUTION_REQUESTED: request_step(manager, occurrence); break;
    case TN_STEP_BEFORE_HANDLE: handle_step(manager, out, occurrence); break;
    case TN_STEP_COMPLETED:
    case TN_STEP_RESOLVED_MANUALLY: end_step(manager, out, occurrence, TN_STATUS_OK); break;
    case TN_STEP_FAILED: end_step(manager, out, occurrence, TN_STATUS_ERROR); break;
    case TN_STEP_CANCELLED: end_step(manager, out, occurrence, TN_STATUS_UNSET); break;
    case TN_STEP_RETRY_REQUESTED: retry_step(manager, out, occurrence); break;
    default: add_custom_event(manager, occurrence);
    }
}

/* An event of a task that does not say which task is nobody's. */
static bool is_nobodys(const tn_occurrence *occurrence)
{
    return occurrence->event <= TN_TASK_BEFORE_TRANSITION && occurrence->task_id.size == 0;
}

void tn_span_manager_record(tn_span_manager *manager, const tn_occurrence *occurrence)
{
    tn_check_occurrence(occurrence);
    if (is_nobodys(occurrence)) return;

    tn_delivery out = {0};
    enter(manager);
    dispatch(manager, &out, occurrence);
    release_roots(manager, &out, occurrence->now.monotonic, false);
    evict(manager, &out, occurrence->now);
    leave(manager, &out);
}

void tn_span_manager_finish_task(tn_span_manager *manager, const tn_occurrence *occurrence, tn_span_status status)
{
    tn_check_pairs(&occurrence->payload);
    if (occurrence->task_id.size == 0) return;

    tn_delivery out = {0};
    enter(manager);
    end_task(manager, &out, occurrence, status);
    leave(manager, &out);
}

static void learn(tn_span_manager *manager, tn_delivery *out, task *task, tn_task_history history, uint64_t now)
{
    bool goes_on = task->abandoned && !history.over;
    if (task->run != history.run || goes_on) begin_known_run(manager, out, task, history.run, now);
    if (task->state == TASK_REQUESTED) task->began = history.began;
    if (history.over && task->state <= TASK_OPEN) {
        give_root_up(manager, task);
        bury_task(manager, task, now);
    }
}

void tn_span_manager_know_task(tn_span_manager *manager, tn_text task_id, tn_task_history history, tn_moment now)
{
    if (task_id.size == 0 || history.run == 0) return;

    tn_delivery out = {0};
    enter(manager);
    task *task = find_task(manager, task_id);
    if (!task) task = new_task(manager, task_id, now.monotonic);
    if (task) learn(manager, &out, task, history, now.monotonic);
    evict(manager, &out, now);
    leave(manager, &out);
}

void tn_span_manager_release(tn_span_manager *manager, uint64_t now, bool all)
{
    tn_delivery out = {0};
    enter(manager);
    release_roots(manager, &out, now, all);
    leave(manager, &out);
}

void tn_span_manager_interrupt_step(tn_span_manager *manager, tn_text task_id, tn_text step_id)
{
    tn_delivery out = {0};
    enter(manager);
    tn_open_step *step = tn_step_table_find(&manager->steps, tn_step_key_of(task_id, step_id));
    if (step) interrupt_step(manager, &out, step, tn_clock_now());
    leave(manager, &out);
}

size_t tn_span_manager_interrupt(tn_span_manager *manager, size_t limit)
{
    tn_delivery out = {0};
    tn_moment now = tn_clock_now();
    enter(manager);
    for (tn_open_step *step; limit > 0 && (step = tn_step_table_oldest(&manager->steps)); limit--) {
        interrupt_step(manager, &out, step, now);
    }
    release_roots(manager, &out, now.monotonic, true);
    size_t left = tn_step_table_count(&manager->steps);
    leave(manager, &out);
    return left;
}

bool tn_span_manager_find(tn_span_manager *manager, tn_span_key key, tn_span_context *context_out)
{
    enter(manager);
    tn_span *span = find_open(manager, key);
    if (span) *context_out = (tn_span_context){span->trace_id, span->id};
    pthread_mutex_unlock(&manager->lock);
    return span != NULL;
}

bool tn_span_manager_add_event(tn_span_manager *manager, tn_span_key key, tn_text name, tn_moment now, tn_pairs pairs)
{
    tn_check_pairs(&pairs);
    enter(manager);
    tn_span *span = find_open(manager, key);
    if (span) tn_span_add_event(span, &manager->limits, name, time_within(span, now), pairs);
    pthread_mutex_unlock(&manager->lock);
    return span != NULL;
}

bool tn_span_manager_set_attributes(tn_span_manager *manager, tn_span_key key, tn_pairs pairs)
{
    tn_check_pairs(&pairs);
    enter(manager);
    tn_span *span = find_open(manager, key);
    if (span) tn_span_add_attributes(span, pairs);
    pthread_mutex_unlock(&manager->lock);
    return span != NULL;
}

bool tn_span_manager_remove_task(tn_span_manager *manager, tn_text task_id)
{
    enter(manager);
    task *task = find_task(manager, task_id);
    bool open = task && task->state <= TASK_OPEN;
    if (open) abandon(manager, task);
    pthread_mutex_unlock(&manager->lock);
    return open;
}

void tn_span_manager_clear(tn_span_manager *manager)
{
    enter(manager);
    empty(manager);
    pthread_mutex_unlock(&manager->lock);
}

void tn_span_manager_stats_read(tn_span_manager *manager, tn_span_manager_stats *stats)
{
    enter(manager);
    *stats = (tn_span_manager_stats){
        .open_tasks = manager->open_tasks.count,
        .open_steps = tn_step_table_count(&manager->steps),
        .abandoned_roots = manager->abandoned_roots,
    };
    size_t spans = stats->open_tasks + stats->open_steps + manager->lingering_tasks.count;
    stats->memory = sizeof(*manager) + manager->tasks.bucket_count * sizeof(void *) +
                    manager->tasks.count * sizeof(task) + tn_step_table_memory(&manager->steps) + spans * TN_SPAN_BLOCK;
    pthread_mutex_unlock(&manager->lock);
}

void tn_span_manager_lock(tn_span_manager *manager)
{
    pthread_mutex_lock(&manager->lock);
}

void tn_span_manager_unlock(tn_span_manager *manager)
{
    pthread_mutex_unlock(&manager->lock);
}

void tn_span_manager_reset_lock(tn_span_manager *manager)
{
    pthread_mutex_init(&manager->lock, NULL);
}
