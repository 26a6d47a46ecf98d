#ifndef TN_EXPORT_ATTRIBUTE_NAMES_H
#define TN_EXPORT_ATTRIBUTE_NAMES_H

#include "event/payload.h"

/* How keys of payloads are called as attributes: with the service's name in front ("tasker."), unless they begin with
 * it or were added as they are. The whole name of a remembered key (tn_name) is made once, as it stands in an OTLP
 * KeyValue: with its tag and size. Bounded by how many keys are remembered. Not thread-safe. */
typedef struct {
    uint64_t hash;
    tn_text text; /* of the name, in what is encoded */
    size_t encoded_size;
    uint8_t encoded[]; /* may be read up to a multiple of TN_ATTRIBUTE_NAME_STEP */
} tn_attribute_name;

#define TN_KEY_VALUE_KEY 1        /* the field's number: opentelemetry-proto, common/v1 */
#define TN_ATTRIBUTE_NAME_STEP 32 /* bytes that are copied at once */

typedef struct {
    tn_text prefix;               /* borrowed */
    tn_attribute_name **names[2]; /* as they are, and with the prefix; by tn_name's id */
    size_t capacity[2];
} tn_attribute_names;

void tn_attribute_names_init(tn_attribute_names *names, tn_text prefix);
void tn_attribute_names_free(tn_attribute_names *names);

/* NULL when there is no memory. */
const tn_attribute_name *tn_attribute_names_make(tn_attribute_names *names, const tn_name *name, bool prefixed);
static inline const tn_attribute_name *tn_attribute_names_get(tn_attribute_names *names, const tn_name *name,
                                                              bool prefixed)
{
    const tn_attribute_name *known = name->id < names->capacity[prefixed] ? names->names[prefixed][name->id] : NULL;
    return known ? known : tn_attribute_names_make(names, name, prefixed);
}

/* Whether the prefix has to be put in front of a key. */
bool tn_attribute_names_prefixes(const tn_attribute_names *names, tn_text key, bool prefixed);

/* Of a whole name that is still in two parts. */
uint64_t tn_attribute_name_hash(tn_text prefix, tn_text key);

#endif
