#ifndef TN_RUBY_COMPAT_H
#define TN_RUBY_COMPAT_H

/* Differences between versions of Ruby, all in one place. */
#include <ruby.h>
#include <ruby/encoding.h>
#include <ruby/re.h>
#include <ruby/thread.h>

static inline VALUE tn_hash_new(long capacity)
{
#ifdef HAVE_RB_HASH_NEW_CAPA
    return rb_hash_new_capa(capacity); /* 3.2 */
#else
    (void)capacity;
    return rb_hash_new();
#endif
}

#endif
