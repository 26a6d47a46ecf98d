/* The scanner of TN_SCAN_STRIPE_KEY: see fuzz_scan.h. */
#define SCANNER TN_SCAN_STRIPE_KEY
#define SECRET \
    "sk_"      \
    "live_abcdefghij"
#define PART "live_abcdefghij"
#include "fuzz/fuzz_scan.h"
