// SPDX-License-Identifier: Apache-2.0
#include "store/aggregate.h"

#include "base/err.h"

#define LONG_MAX_128 ((__int128)INT64_MAX)
#define LONG_MIN_128 ((__int128)INT64_MIN)

void aggregate_init(struct aggregate *a, enum store_agg agg, int64_t start, int64_t end,
                    int64_t interval)
{
    require(interval > 0 && start < end);
    *a = (struct aggregate){.agg = agg, .start = start, .end = end, .interval = interval};
}

static int64_t bucket_middle(const struct aggregate *a)
{
    uint64_t from = (uint64_t)a->start + a->bucket * (uint64_t)a->interval;
    uint64_t length = (uint64_t)a->end - from;
    if (length > (uint64_t)a->interval)
        length = (uint64_t)a->interval;
    return (int64_t)(from + length / 2);
}

static struct value sum_of(const struct aggregate *a)
{
    if (a->n_double)
        return value_double(a->double_sum + (double)a->long_sum);
    if (a->long_sum > LONG_MAX_128 || a->long_sum < LONG_MIN_128)
        return value_double((double)a->long_sum);
    return value_long((int64_t)a->long_sum);
}

static struct value best_of(const struct aggregate *a)
{
    if (a->n_double == 0)
        return value_long(a->long_best);
    if (a->n_long == 0)
        return value_double(a->double_best);
    double l = (double)a->long_best, d = a->double_best;
    return value_double(a->agg == STORE_MIN ? (l < d ? l : d) : (l > d ? l : d));
}

static bool bucket_result(const struct aggregate *a, struct store_point *out)
{
    uint64_t numbers = a->n_long + a->n_double;
    out->ts_ms = bucket_middle(a);
    switch (a->agg) {
    case STORE_COUNT:
        out->value = value_long((int64_t)a->n);
        return a->n > 0;
    case STORE_SUM:
        out->value = sum_of(a);
        return numbers > 0;
    case STORE_AVG:
        if (numbers)
            out->value = value_double((a->double_sum + (double)a->long_sum) / (double)numbers);
        return numbers > 0;
    default:
        if (numbers)
            out->value = best_of(a);
        else
            out->value = value_string(buf_span(&a->text_best));
        return numbers > 0 || a->has_text;
    }
}

static void start_bucket(struct aggregate *a, uint64_t bucket)
{
    a->bucket = bucket;
    a->n = a->n_long = a->n_double = 0;
    a->long_sum = 0;
    a->double_sum = 0;
    a->has_text = false;
}

static void add_long(struct aggregate *a, int64_t i)
{
    a->long_sum += i;
    if (a->n_long++ == 0 || (a->agg == STORE_MIN ? i < a->long_best : i > a->long_best))
        a->long_best = i;
}

static void add_double(struct aggregate *a, double d)
{
    a->double_sum += d;
    if (a->n_double++ == 0 || (a->agg == STORE_MIN ? d < a->double_best : d > a->double_best))
        a->double_best = d;
}

static void add_text(struct aggregate *a, struct span s)
{
    int order = a->has_text ? span_cmp(s, buf_span(&a->text_best)) : 0;
    if (a->has_text && (a->agg == STORE_MIN ? order >= 0 : order <= 0))
        return;
    a->has_text = true;
    buf_clear(&a->text_best);
    buf_add_span(&a->text_best, s);
}

static void add_value(struct aggregate *a, const struct value *v)
{
    a->n++;
    if (v->type == VALUE_LONG)
        add_long(a, v->i);
    else if (v->type == VALUE_DOUBLE)
        add_double(a, v->d);
    else if (v->type == VALUE_STRING && (a->agg == STORE_MIN || a->agg == STORE_MAX))
        add_text(a, v->s);
}

bool aggregate_add(struct aggregate *a, const struct store_point *p, struct store_point *out)
{
    uint64_t bucket = ((uint64_t)p->ts_ms - (uint64_t)a->start) / (uint64_t)a->interval;
    bool done = false;
    if (bucket != a->bucket) {
        done = bucket_result(a, out);
        if (done && out->value.type == VALUE_STRING) {
            // The result keeps its text while the next bucket collects its own.
            struct buf text = a->text_best;
            a->text_best = a->text_out;
            a->text_out = text;
        }
        start_bucket(a, bucket);
    }
    add_value(a, &p->value);
    return done;
}

bool aggregate_finish(struct aggregate *a, struct store_point *out)
{
    return bucket_result(a, out);
}

void aggregate_free(struct aggregate *a)
{
    buf_free(&a->text_best);
    buf_free(&a->text_out);
}
