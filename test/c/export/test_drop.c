#include "support.h"

#include "export/exporter.h"

Test(drop, every_reason_for_a_loss_has_a_name_of_its_own_and_a_hint)
{
    for (int reason = 0; reason < TN_DROP_COUNT; reason++) {
        cr_assert_gt(strlen(tn_drop_name((tn_drop)reason)), 0);
        cr_assert_gt(strlen(tn_drop_hint((tn_drop)reason)), 0);
        for (int other = 0; other < reason; other++) {
            cr_assert_str_neq(tn_drop_name((tn_drop)reason), tn_drop_name((tn_drop)other));
        }
    }
}

Test(drop, a_dropped_batch_is_dropped_whole)
{
    tn_span_list batch = {.count = 3};
    tn_export_result result = {.exported = 7};
    tn_export_dropped(&result, &batch, TN_DROP_STORAGE);
    cr_assert_eq(result.exported, 0);
    cr_assert_eq(result.dropped, 3);
    cr_assert_eq(result.reason, TN_DROP_STORAGE);
}
