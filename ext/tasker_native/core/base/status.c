#include "base/status.h"

#define TN_STATUS_TEXT(name, text) [name] = text,
static const char *const texts[] = {TN_STATUSES(TN_STATUS_TEXT)};
#undef TN_STATUS_TEXT

const char *tn_status_text(tn_status status)
{
    if ((unsigned)status >= TN_STATUS_COUNT) return "unknown status";
    return texts[status];
}
