#include "support.h"

#include "base/process.h"

#include <sys/wait.h>
#include <unistd.h>

TestSuite(process, .fini = all_memory_is_back);

Test(process, allocates_zeroed_memory)
{
    unsigned char *bytes = tn_alloc_zeroed(100);
    cr_assert_not_null(bytes);
    for (int i = 0; i < 100; i++) cr_assert_eq(bytes[i], 0);
    tn_free(bytes);
}

Test(process, realloc_keeps_what_was_there_and_starts_from_nothing)
{
    char *bytes = tn_realloc(NULL, 4);
    memcpy(bytes, "word", 4);
    bytes = tn_realloc(bytes, 4000);
    cr_assert_eq(memcmp(bytes, "word", 4), 0);
    cr_assert_eq(live_allocations(), 1);
    tn_free(bytes);
}

Test(process, freeing_nothing_does_nothing)
{
    tn_free(NULL);
    cr_assert_eq(live_allocations(), 0);
}

Test(process, answers_NULL_when_there_is_no_memory)
{
    no_memory();
    cr_assert_null(tn_alloc(1));
    cr_assert_null(tn_alloc_zeroed(1));
    cr_assert_null(tn_realloc(NULL, 1));
}

Test(process, a_realloc_that_fails_leaves_the_old_memory)
{
    char *bytes = tn_alloc(4);
    memcpy(bytes, "word", 4);
    no_memory();
    cr_assert_null(tn_realloc(bytes, 4000));
    cr_assert_eq(memcmp(bytes, "word", 4), 0);
    tn_free(bytes);
}

/* --- Forks --------------------------------------------------------------------------------------------- */

/* What the child answers, as its exit status. */
static int ask_child(int (*question)(void))
{
    pid_t child = fork();
    if (child == 0) _exit(question());

    int status;
    cr_assert_eq(waitpid(child, &status, 0), child);
    cr_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int generation_now(void)
{
    return (int)tn_process_generation();
}

static int generation_of_a_grandchild(void)
{
    return ask_child(generation_now);
}

Test(process, every_fork_is_a_generation_once_forks_are_watched)
{
    cr_assert_eq(ask_child(generation_now), 0, "not watched yet");
    tn_process_watch_forks();
    tn_process_watch_forks();
    cr_assert_eq(ask_child(generation_now), 1);
    cr_assert_eq(ask_child(generation_of_a_grandchild), 2);
    cr_assert_eq(tn_process_generation(), 0, "the parent stays what it was");
}

static struct {
    char calls[8];
    unsigned generation; /* in the child's hook */
} seen;

static void note_before(void *self)
{
    cr_assert_eq(self, &seen);
    strcat(seen.calls, "b");
}

static void note_parent(void *self)
{
    cr_assert_eq(self, &seen);
    strcat(seen.calls, "p");
}

static void note_child(void *self)
{
    (void)self;
    seen.generation = tn_process_generation();
    strcat(seen.calls, "c");
}

static int saw_its_hooks(void)
{
    return strcmp(seen.calls, "bc") == 0 && seen.generation == 1;
}

Test(process, hooks_are_called_around_a_fork)
{
    cr_assert_eq(tn_process_add_fork_hooks((tn_fork_hooks){&seen, note_before, note_parent, note_child}), TN_OK);
    tn_process_watch_forks();
    cr_assert(ask_child(saw_its_hooks));
    cr_assert_str_eq(seen.calls, "bp");
}

static char order[8];

static void note_first(void *self)
{
    (void)self;
    strcat(order, "1");
}

static void note_second(void *self)
{
    (void)self;
    strcat(order, "2");
}

Test(process, the_last_hooks_to_come_are_the_first_before_a_fork_and_the_last_after_it)
{
    int first, second;
    tn_process_watch_forks();
    cr_assert_eq(tn_process_add_fork_hooks((tn_fork_hooks){&first, note_first, note_first, note_first}), TN_OK);
    cr_assert_eq(tn_process_add_fork_hooks((tn_fork_hooks){&second, note_second, note_second, note_second}), TN_OK);
    ask_child(generation_now);
    cr_assert_str_eq(order, "2112");

    tn_process_remove_fork_hooks(&second);
    ask_child(generation_now);
    cr_assert_str_eq(order, "211211");
}

Test(process, there_is_room_for_few_hooks)
{
    int selves[TN_MAX_FORK_HOOKS + 1];
    for (int i = 0; i <= TN_MAX_FORK_HOOKS; i++) {
        tn_status wanted = i < TN_MAX_FORK_HOOKS ? TN_OK : TN_ERROR_FULL;
        cr_assert_eq(tn_process_add_fork_hooks((tn_fork_hooks){&selves[i], note_first, note_first, note_first}),
                     wanted);
    }
}
