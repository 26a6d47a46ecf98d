#include "binding.h"
#include "event/system_events.h"

/* Tasker::Native::EVENT_TABLE: what the catalog is made of. */

typedef struct {
    const char *name, *description, *payload, *fired_by;
} row;

static const row rows[] = {
#define ROW(X, id, module, name, description, payload, fired_by) {name, description, payload, fired_by},
    TN_SYSTEM_EVENT_TABLE(ROW, )
#undef ROW
};

static VALUE row_array(const row *row)
{
    VALUE texts[] = {
        rb_interned_str_cstr(row->name),
        rb_interned_str_cstr(row->description),
        rb_interned_str_cstr(row->payload),
        rb_interned_str_cstr(row->fired_by),
    };
    return rb_ary_freeze(rb_ary_new_from_values(4, texts));
}

/* EVENT_TABLE: [[name, description, payload, fired by], ...] in the order of the events' ids */
void tn_init_event_table(void)
{
    VALUE table = rb_ary_new_capa(TN_SYSTEM_EVENT_COUNT);
    for (size_t i = 0; i < TN_SYSTEM_EVENT_COUNT; i++) rb_ary_push(table, row_array(&rows[i]));
    rb_define_const(tn_ruby.native, "EVENT_TABLE", rb_ary_freeze(table));
}
