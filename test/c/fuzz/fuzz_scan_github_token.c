/* The scanner of TN_SCAN_GITHUB_TOKEN: see fuzz_scan.h. */
#define SCANNER TN_SCAN_GITHUB_TOKEN
#define SECRET "ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define PART "ghp_aaaaaaaa"
#include "fuzz/fuzz_scan.h"
