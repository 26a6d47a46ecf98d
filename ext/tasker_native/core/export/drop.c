#include "export/drop.h"

#define TN_DROP_NAME(id, name, hint) [id] = name,
static const char *const names[] = {TN_DROPS(TN_DROP_NAME)};
#undef TN_DROP_NAME

#define TN_DROP_HINT(id, name, hint) [id] = hint,
static const char *const hints[] = {TN_DROPS(TN_DROP_HINT)};
#undef TN_DROP_HINT

const char *tn_drop_name(tn_drop drop)
{
    return names[drop];
}

const char *tn_drop_hint(tn_drop drop)
{
    return hints[drop];
}
