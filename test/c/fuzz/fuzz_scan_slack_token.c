/* The scanner of TN_SCAN_SLACK_TOKEN: see fuzz_scan.h. */
#define SCANNER TN_SCAN_SLACK_TOKEN
#define SECRET "xoxb-123456789012-abcdef"
#define PART "123456789012-abcdef"
#include "fuzz/fuzz_scan.h"
