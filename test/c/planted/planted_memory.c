/* Faults, planted: one test each. test/c/planted/run.sh runs them as the real tests are run, and each must be found.
 * Nobody else compiles this file. */
#include "support.h"

#include "base/process.h"

#include <limits.h>

#ifndef TN_PLANT_FAULT
#error "only for the proof that the sanitizers are awake"
#endif

static volatile int sink;

Test(planted, use_after_free)
{
    volatile char *block = tn_alloc(8);
    tn_free((void *)block);
    sink = block[3];
}

Test(planted, overflow)
{
    volatile char *block = tn_alloc(8);
    sink = block[8];
    tn_free((void *)block);
}

Test(planted, overflow_of_the_stack)
{
    volatile char block[8] = {0};
    volatile char *volatile at = block;
    sink = at[8];
}

Test(planted, leak)
{
    void *volatile block = tn_alloc(8);
    block = NULL;
    sink = block != NULL;
}

Test(planted, undefined)
{
    volatile int large = INT_MAX;
    sink = large + 1;
}

Test(planted, uninitialised)
{
    volatile char *volatile block = tn_alloc(8);
    if (block[5] == 7) sink = 1;
    tn_free((void *)block);
}

/* What for_each_failing_allocation is there for: an allocation that nobody gives back when the next one fails. */
Test(planted, failing_allocation)
{
    for_each_failing_allocation {
        void *first = tn_alloc(8), *second = tn_alloc(8);
        if (first && second) {
            tn_free(first);
            tn_free(second);
        }
    }
}
