/* The scanner of TN_SCAN_CARD_NUMBER: see fuzz_scan.h. */
#define SCANNER TN_SCAN_CARD_NUMBER
#define SECRET "4111 1111 1111 1111"
#define PART "1111 1111 1111"
#include "fuzz/fuzz_scan.h"
