#include "support.h"

#include "base/text.h"

Test(text, is_empty_for_NULL)
{
    cr_assert_eq(tn_text_of(NULL).size, 0);
    cr_assert(tn_text_equal(tn_text_of(NULL), TN_NO_TEXT));
}

Test(text, equals_by_content_whatever_the_address)
{
    char copy[] = "hello";
    cr_assert(tn_text_equal(TN_TEXT("hello"), tn_text_of(copy)));
    cr_assert_not(tn_text_equal(TN_TEXT("hello"), TN_TEXT("hellO")));
    cr_assert_not(tn_text_equal(TN_TEXT("hello"), TN_TEXT("hell")));
    cr_assert_not(tn_text_equal(TN_TEXT("a\0b"), TN_TEXT("a\0c")));
}

Test(text, nothing_equals_nothing_even_without_an_address)
{
    cr_assert(tn_text_equal((tn_text){NULL, 0}, (tn_text){NULL, 0}));
    cr_assert(tn_text_equal((tn_text){NULL, 0}, TN_TEXT("")));
}

Test(text, starts_with_its_prefixes_only)
{
    cr_assert(tn_text_starts_with(TN_TEXT("task.started"), TN_TEXT("task.")));
    cr_assert(tn_text_starts_with(TN_TEXT("task."), TN_TEXT("task.")));
    cr_assert(tn_text_starts_with(TN_NO_TEXT, (tn_text){NULL, 0}));
    cr_assert_not(tn_text_starts_with(TN_TEXT("task"), TN_TEXT("task.")));
    cr_assert_not(tn_text_starts_with(TN_TEXT("step.started"), TN_TEXT("task.")));
}
