#include "binding.h"
#include "export/spool_listing.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

/* Tasker::Native::Spool: what lies in the files of a spool, for people. */

typedef struct {
    const char *directory, *name;
    tn_spool_summary summary;
    tn_status status;
    int error; /* errno, for TN_ERROR_SYSTEM */
} looking;

static void *look_without_gvl(void *argument)
{
    looking *l = argument;
    int directory = open(l->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    l->status = directory < 0 ? TN_ERROR_SYSTEM : tn_spool_look(directory, l->name, &l->summary);
    l->error = errno;
    if (directory >= 0) close(directory);
    return NULL;
}

/* look(directory, name) -> { created: Float, bytes:, requests:, spans:, damaged:, owned: }, or nil for what is no file of
 * a spool's. Raises SystemCallError. Reads without the GVL. */
static VALUE spool_look(VALUE self, VALUE directory, VALUE name)
{
    (void)self;
    directory = rb_str_new_frozen(rb_str_to_str(directory)); /* nobody may change them meanwhile */
    name = rb_str_new_frozen(rb_str_to_str(name));
    looking l = {.directory = StringValueCStr(directory), .name = StringValueCStr(name)};
    rb_thread_call_without_gvl(look_without_gvl, &l, NULL, NULL);
    if (l.status == TN_ERROR_INVALID) return Qnil;
    if (l.status == TN_ERROR_SYSTEM) rb_syserr_fail_str(l.error, rb_sprintf("%s/%s", l.directory, l.name));
    if (l.status != TN_OK) tn_raise(l.status, "a file of the spool could not be read");

    VALUE summary = rb_hash_new();
    tn_put(summary, "created", DBL2NUM((double)l.summary.created / 1e9));
    tn_put(summary, "bytes", ULL2NUM(l.summary.bytes));
    tn_put(summary, "requests", ULL2NUM(l.summary.requests));
    tn_put(summary, "spans", ULL2NUM(l.summary.spans));
    tn_put(summary, "damaged", ULL2NUM(l.summary.damaged));
    tn_put(summary, "owned", l.summary.owned ? Qtrue : Qfalse);
    RB_GC_GUARD(directory);
    RB_GC_GUARD(name);
    return summary;
}

void tn_init_spool(void)
{
    VALUE module = rb_define_module_under(tn_ruby.native, "Spool");
    rb_define_module_function(module, "look", spool_look, 2);
}
