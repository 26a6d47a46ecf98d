/* The scanner of TN_SCAN_CREDENTIALS: see fuzz_scan.h. */
#define SCANNER TN_SCAN_CREDENTIALS
#define SECRET "Authorization: Bearer mF_9.B5f-4.1JqM"
#define PART "mF_9.B5f-4.1JqM"
#include "fuzz/fuzz_scan.h"
