/* The scanner of TN_SCAN_JWT: see fuzz_scan.h. */
#define SCANNER TN_SCAN_JWT
#define SECRET "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
#define PART "c2lnbmF0dXJl"
#include "fuzz/fuzz_scan.h"
