#ifndef TN_METRICS_EXPONENTIAL_H
#define TN_METRICS_EXPONENTIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A histogram whose buckets find themselves: bucket i holds what is above base ** i and at most base ** (i + 1), where base
 * is 2 ** (2 ** -scale). It begins as fine as possible, and is made coarser, by merging pairs of buckets, whenever what it
 * has seen spans more than TN_EXPONENTIAL_BUCKETS of them (OpenTelemetry, Metrics Data Model, "ExponentialHistogram";
 * Metrics SDK, "Base2 Exponential Bucket Histogram Aggregation": MaxSize 160, MaxScale 20). One thread at a time. */
#define TN_EXPONENTIAL_BUCKETS 160
#define TN_EXPONENTIAL_MAX_SCALE 20

typedef struct {
    int32_t offset; /* the index of the first bucket */
    uint32_t size;  /* from there to the last one; 0: there is none */
    uint64_t counts[TN_EXPONENTIAL_BUCKETS];
} tn_exponential_buckets;

typedef struct {
    int32_t scale;
    uint64_t count, zero_count;
    double sum, min, max;                      /* min and max: where count > 0 */
    tn_exponential_buckets positive, negative; /* of negative values their absolute ones */
} tn_exponential;

void tn_exponential_init(tn_exponential *self);

/* value: finite. */
void tn_exponential_observe(tn_exponential *self, double value);

/* The index of the bucket that holds a value above 0. */
int32_t tn_exponential_index(double value, int32_t scale);

/* As coarse as `scale`, which is not above its own. */
void tn_exponential_coarsen(tn_exponential *self, int32_t scale);

/* Adds another one. */
void tn_exponential_add(tn_exponential *self, const tn_exponential *other);

/* Takes away what it was before. Least and largest value stay those of all. false: it is nothing that it was. */
bool tn_exponential_subtract(tn_exponential *self, const tn_exponential *before);

#endif
