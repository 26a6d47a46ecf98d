/* Eight threads ask one filter, and remember what it says, while the table of verdicts fills and is full. Each verdict
 * is the right one. */
#include "stress/stress.h"

#include "base/table.h"
#include "event/key_filter.h"
#include "event/verdict_table.h"

enum { THREADS = 8, KEYS = TN_MAX_VERDICTS + 2000 };

static tn_key_filter filter;
static tn_verdict_table table;
static atomic_uint_fast64_t asked, remembered;

static void *judge_keys(void *number)
{
    char text[32];
    for (long i = (long)number * 1000; !over; i++) {
        bool secret = i % 3 == 0;
        int size = snprintf(text, sizeof(text), secret ? "api_Token_%ld" : "name_%ld", i % KEYS);
        tn_text key = {text, (size_t)size};
        tn_verdict right = secret ? TN_VERDICT_MASK : TN_VERDICT_KEEP;
        tn_verdict known = tn_verdict_table_get(&table, key, tn_hash(key));
        check(known == TN_VERDICT_ASK || known == right);
        check(tn_key_filter_judge(&filter, key) == right);
        if (known == TN_VERDICT_ASK) {
            tn_verdict_table_add(&table, key, tn_hash(key), right);
        } else {
            remembered++;
        }
        asked++;
    }
    return NULL;
}

int main(int argc, char **argv)
{
    tn_text literals[] = {TN_TEXT("token"), TN_TEXT("passw"), TN_TEXT("card.number")};
    check(tn_key_filter_init(&filter, literals, 3, TN_TEXT("[FILTERED]")) == TN_OK);
    tn_verdict_table_init(&table);
    start_threads(THREADS, judge_keys);
    run_threads(argc, argv);

    printf("%lu keys judged, %lu verdicts remembered\n", (unsigned long)asked, (unsigned long)remembered);
    check(remembered > 0);
    tn_verdict_table_free(&table);
    tn_key_filter_free(&filter);
    return 0;
}
