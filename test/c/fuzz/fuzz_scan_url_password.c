/* The scanner of TN_SCAN_URL_PASSWORD: see fuzz_scan.h. */
#define SCANNER TN_SCAN_URL_PASSWORD
#define SECRET "postgres://user:p@ss@host/db"
#define PART "p@ss"
#include "fuzz/fuzz_scan.h"
