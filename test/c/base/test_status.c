#include "support.h"

#include "base/status.h"

Test(status, every_code_has_a_text_of_its_own)
{
    for (int a = 0; a < TN_STATUS_COUNT; a++) {
        cr_assert_neq(tn_status_text((tn_status)a)[0], '\0');
        for (int b = 0; b < a; b++) cr_assert_str_neq(tn_status_text((tn_status)a), tn_status_text((tn_status)b));
    }
}

Test(status, ok_is_zero)
{
    cr_assert_eq(TN_OK, 0);
    cr_assert_str_eq(tn_status_text(TN_OK), "ok");
}

Test(status, a_value_that_is_no_status_is_called_unknown)
{
    cr_assert_str_eq(tn_status_text(TN_STATUS_COUNT), "unknown status");
    cr_assert_str_eq(tn_status_text((tn_status)-1), "unknown status");
    cr_assert_str_eq(tn_status_text((tn_status)1000), "unknown status");
}
