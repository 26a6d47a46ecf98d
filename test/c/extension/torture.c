/* Tasker::Native::Torture, in a build of the extension that spec/support/torture_extension.rb makes for the specs in
 * spec/torture and nobody ships: memory that runs out on demand, and planted faults. The extension's own Init function
 * is renamed in that build; this one calls it. */
#include "binding.h"

#include "base/process.h"

#include <stdbool.h>
#include <stdlib.h>

void tn_init_tasker_native(void);
RUBY_FUNC_EXPORTED void Init_tasker_native(void);

static atomic_size_t live, attempts, fails_at;
static atomic_bool failed, everywhere;
static _Thread_local bool chosen; /* the thread whose allocations count, unless all do */

static void *reallocate(void *pointer, size_t size)
{
    if (fails_at && (everywhere || chosen) && ++attempts == fails_at) {
        failed = true;
        return NULL;
    }
    void *result = realloc(pointer, size);
    if (result && !pointer) live++;
    return result;
}

static void release(void *pointer)
{
    live--;
    free(pointer);
}

/* fail_allocation(n, everywhere) -> nil: the nth allocation of the core from now on fails, counting those of this
 * thread, or of all; 0: none fails any more */
static VALUE fail_allocation(VALUE self, VALUE n, VALUE in_all_threads)
{
    (void)self;
    size_t count = NUM2SIZET(n);
    fails_at = 0;
    attempts = 0;
    failed = false;
    everywhere = RTEST(in_all_threads);
    chosen = true;
    fails_at = count;
    return Qnil;
}

/* failed? -> whether an allocation has failed since */
static VALUE has_failed(VALUE self)
{
    (void)self;
    return failed ? Qtrue : Qfalse;
}

/* live -> Integer: what the core has allocated and not released, without keys of payloads, which are remembered for the
 * life of the process */
static VALUE live_allocations(VALUE self)
{
    (void)self;
    const tn_table *keys = &tn_ruby.keys.table;
    return SIZET2NUM(live - keys->count - (keys->buckets ? 1 : 0));
}

static volatile int sink;

/* plant(:use_after_free, :overflow or :leak) */
static VALUE plant(VALUE self, VALUE fault)
{
    (void)self;
    volatile char *volatile block = tn_alloc(8);
    ID id = SYM2ID(fault);
    if (id == rb_intern("leak")) {
        block = NULL;
        return Qnil;
    }
    if (id == rb_intern("overflow")) sink = block[8];
    tn_free((void *)block);
    if (id == rb_intern("use_after_free")) sink = block[3];
    return Qnil;
}

void Init_tasker_native(void)
{
    tn_this_process.reallocate = reallocate;
    tn_this_process.release = release;
    tn_init_tasker_native();

    VALUE native = rb_const_get(rb_const_get(rb_cObject, rb_intern("Tasker")), rb_intern("Native"));
    VALUE module = rb_define_module_under(native, "Torture");
    rb_define_module_function(module, "fail_allocation", fail_allocation, 2);
    rb_define_module_function(module, "failed?", has_failed, 0);
    rb_define_module_function(module, "live", live_allocations, 0);
    rb_define_module_function(module, "plant", plant, 1);
}
