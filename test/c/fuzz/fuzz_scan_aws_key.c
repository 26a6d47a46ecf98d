/* The scanner of TN_SCAN_AWS_KEY: see fuzz_scan.h. */
#define SCANNER TN_SCAN_AWS_KEY
#define SECRET "AKIAIOSFODNN7EXAMPLE"
#define PART "IOSFODNN7EXAMPLE"
#include "fuzz/fuzz_scan.h"
