#include "support.h"

#include "export/backoff.h"

static uint64_t next_delay(tn_backoff *backoff, uint64_t retry_after)
{
    uint64_t before = tn_clock_monotonic();
    uint64_t until = tn_backoff_fail(backoff, retry_after);
    cr_assert_eq(until, backoff->not_before);
    return until - before;
}

Test(backoff, doubles_up_to_half_a_minute_with_jitter)
{
    tn_backoff backoff;
    tn_backoff_init(&backoff);
    uint64_t expected = TN_BACKOFF_FIRST;
    for (int i = 0; i < 40; i++) {
        uint64_t delay = next_delay(&backoff, 0);
        cr_assert_geq(delay, expected - expected / 4);
        cr_assert_leq(delay, expected + expected / 4 + TN_SECOND / 2, "with the time that it took");
        expected = expected * 2 < TN_BACKOFF_LONGEST ? expected * 2 : TN_BACKOFF_LONGEST;
    }
    cr_assert_eq(backoff.failures, 40);
}

Test(backoff, two_do_not_come_back_together)
{
    tn_backoff one, other;
    tn_backoff_init(&one);
    tn_backoff_init(&other);
    uint64_t same = 0;
    for (int i = 0; i < 20; i++) same += next_delay(&one, 0) / TN_MILLISECOND == next_delay(&other, 0) / TN_MILLISECOND;
    cr_assert_lt(same, 10);
}

Test(backoff, a_receiver_that_says_when_is_heeded_for_five_minutes)
{
    tn_backoff backoff;
    tn_backoff_init(&backoff);
    cr_assert_geq(next_delay(&backoff, 7 * TN_SECOND), 7 * TN_SECOND);
    cr_assert_leq(next_delay(&backoff, 24 * 3600 * TN_SECOND), TN_MAX_RETRY_AFTER + TN_SECOND);
}

Test(backoff, success_begins_anew)
{
    tn_backoff backoff;
    tn_backoff_init(&backoff);
    for (int i = 0; i < 10; i++) tn_backoff_fail(&backoff, 0);
    tn_backoff_succeed(&backoff);
    cr_assert_eq(backoff.not_before, 0);
    cr_assert_leq(next_delay(&backoff, 0), TN_SECOND);
}

Test(backoff, another_request_begins_anew_but_for_what_the_receiver_has_asked)
{
    tn_backoff backoff;
    tn_backoff_init(&backoff);
    for (int i = 0; i < 10; i++) tn_backoff_fail(&backoff, 0);
    tn_backoff_begin(&backoff);
    cr_assert_eq(backoff.not_before, 0);
    cr_assert_leq(next_delay(&backoff, 0), TN_SECOND);

    uint64_t asked = tn_backoff_fail(&backoff, 60 * TN_SECOND);
    tn_backoff_fail(&backoff, 0);
    tn_backoff_begin(&backoff);
    cr_assert_eq(backoff.not_before, asked);
}
