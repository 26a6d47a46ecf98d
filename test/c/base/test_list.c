#include "support.h"

#include "base/list.h"

static void assert_order(const tn_list *list, const tn_link *links, const char *expected)
{
    const tn_link *at = list->ends.newer;
    for (; *expected; expected++, at = at->newer) cr_assert_eq(at, &links[*expected - '0']);
    cr_assert_eq(at, &list->ends);
}

Test(list, that_is_empty_has_no_oldest)
{
    tn_list list;
    tn_list_init(&list);
    cr_assert_null(tn_list_oldest(&list));
    cr_assert_eq(list.count, 0);
}

Test(list, keeps_the_order_of_addition)
{
    tn_link links[3];
    tn_list list;
    tn_list_init(&list);
    for (int i = 0; i < 3; i++) tn_list_add(&list, &links[i]);

    cr_assert_eq(list.count, 3);
    cr_assert_eq(tn_list_oldest(&list), &links[0]);
    assert_order(&list, links, "012");
}

Test(list, links_can_be_removed_anywhere_and_come_back_as_the_newest)
{
    tn_link links[4];
    tn_list list;
    tn_list_init(&list);
    for (int i = 0; i < 4; i++) tn_list_add(&list, &links[i]);

    tn_list_remove(&list, &links[1]);
    assert_order(&list, links, "023");
    tn_list_remove(&list, &links[0]);
    assert_order(&list, links, "23");
    tn_list_remove(&list, &links[3]);
    assert_order(&list, links, "2");
    tn_list_add(&list, &links[0]);
    assert_order(&list, links, "20");
    cr_assert_eq(list.count, 2);
}

Test(list, emptied_from_the_oldest_on_is_empty)
{
    tn_link links[3];
    tn_list list;
    tn_list_init(&list);
    for (int i = 0; i < 3; i++) tn_list_add(&list, &links[i]);
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(tn_list_oldest(&list), &links[i]);
        tn_list_remove(&list, tn_list_oldest(&list));
    }
    cr_assert_null(tn_list_oldest(&list));
}
