/* The scanner of TN_SCAN_PRIVATE_KEY: see fuzz_scan.h. */
#define SCANNER TN_SCAN_PRIVATE_KEY
#define SECRET "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\n-----END RSA PRIVATE KEY-----"
#define PART "MIIEow"
#include "fuzz/fuzz_scan.h"
