// SPDX-License-Identifier: Apache-2.0
#include "fake_kinesis.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "codec/digest.h"
#include "codec/hash_key.h"
#include "codec/kpl.h"
#include "lib/test.h"

#define ITERATOR_LIFE_MS 300000
#define SECOND_MS 1000
#define RECORD_OVERHEAD 100

struct fake_call {
    struct list link;
    struct kinesis_call *call;
    struct kinesis *k;
    enum kinesis_op op;
    const struct kinesis_input *in; // stays as it is until the call is done
    struct timer timer;
    bool canceled, sized, paused;
    int status;
    int http_status;
    const char *code;
    struct kinesis_output out;
    bool lost; // took effect, and the reply was cut off
};

bool fake_chance(struct kinesis *k, int in_1000)
{
    return in_1000 > 0 && (int)test_random_below(&k->random_state, 1000) < in_1000;
}

void fake_consumer_arn(const struct kinesis *k, char out[64])
{
    snprintf(out, 64, "arn:consumer:%" PRId64, k->consumer_since_ms);
}

void fake_seq_text(uint64_t seq, char out[32])
{
    snprintf(out, 32, "49%020" PRIu64, seq);
}

static struct span text(struct kinesis_output *o, const char *s)
{
    return arena_span(&o->arena, span_str(s));
}

static struct span seq_span(struct kinesis_output *o, uint64_t seq)
{
    char s[32];
    fake_seq_text(seq, s);
    return text(o, s);
}

// Stream -----------------------------------------------------------------------------------------

void fake_kinesis_init(struct kinesis *k, struct loop *l, uint64_t seed)
{
    *k = (struct kinesis){.loop = l,
                          .random_state = seed,
                          .name = "tb-x",
                          .arn = "arn:aws:kinesis:eu-west-1:1:stream/tb-x",
                          .status = "ACTIVE",
                          .created_ms = 1700000000000,
                          .exists = true,
                          .next_seq = 1000,
                          .next_id = 1,
                          .latency_ms = 20,
                          .event_records = 50,
                          .subscription_ms = FAKE_SUBSCRIPTION_MS,
                          .rate = 5};
    list_init(&k->calls);
    list_init(&k->subscriptions);
}

static void drop_shards(struct kinesis *k)
{
    for (int i = 0; i < k->n_shards; i++) {
        mem_free(k->shards[i]->records);
        mem_free(k->shards[i]);
    }
    k->n_shards = 0;
}

void fake_kinesis_deinit(struct kinesis *k)
{
    assert_int_equal(k->n_running, 0);
    assert_true(list_empty(&k->calls));
    assert_true(list_empty(&k->subscriptions));
    drop_shards(k);
    mem_free(k->places);
    mem_free(k->puts);
}

int fake_add_shard(struct kinesis *k, int parent, int adjacent)
{
    assert_true(k->n_shards < FAKE_MAX_SHARDS);
    struct fake_shard *s = mem_new(struct fake_shard);
    snprintf(s->id, sizeof(s->id), "shardId-%012d", k->n_shards);
    s->parents[0] = parent;
    s->parents[1] = adjacent;
    s->open = true;
    k->shards[k->n_shards] = s;
    return k->n_shards++;
}

void fake_split(struct kinesis *k, int shard)
{
    assert_true(k->shards[shard]->open);
    k->shards[shard]->open = false;
    fake_add_shard(k, shard, -1);
    fake_add_shard(k, shard, -1);
}

int fake_merge(struct kinesis *k, int a, int b)
{
    assert_true(a != b && k->shards[a]->open && k->shards[b]->open);
    k->shards[a]->open = k->shards[b]->open = false;
    return fake_add_shard(k, a, b);
}

void fake_recreate(struct kinesis *k, int n_shards)
{
    drop_shards(k);
    k->created_ms += 1000000;
    k->consumer_since_ms = 0;
    for (int i = 0; i < n_shards; i++)
        fake_add_shard(k, -1, -1);
}

uint64_t fake_put(struct kinesis *k, int shard, uint32_t size)
{
    struct fake_shard *s = k->shards[shard];
    assert_true(s->open && size >= 8);
    if (s->n == s->cap) {
        s->cap = s->cap ? 2 * s->cap : 16;
        s->records = mem_realloc(s->records, s->cap * sizeof(*s->records));
    }
    s->records[s->n++] = (struct fake_record){
        .id = k->next_id, .seq = k->next_seq, .arrival_ms = kinesis_wall_ms(k), .size = size};
    if (k->next_id >= k->cap_places) {
        k->cap_places = 2 * k->next_id;
        k->places = mem_realloc(k->places, k->cap_places * sizeof(*k->places));
    }
    k->places[k->next_id] = (struct fake_place){shard, s->n - 1};
    k->next_seq += 1 + test_random_below(&k->random_state, 5);
    return k->next_id++;
}

// Of an aggregate: magic, one key, digest; and of each user record in it: field, its key's index,
// its data.
#define AGGREGATE_OVERHEAD (4 + 3 + MD5_LEN)
#define USER_DATA 12
#define USER_OVERHEAD 6

uint64_t fake_put_aggregate(struct kinesis *k, int shard, uint32_t users)
{
    uint64_t id =
        fake_put(k, shard, AGGREGATE_OVERHEAD + users * (uint32_t)(USER_DATA + USER_OVERHEAD));
    struct fake_shard *s = k->shards[shard];
    s->records[s->n - 1].users = users;
    return id;
}

static void write_aggregate(char *out, const struct fake_record *r)
{
    char *p = out;
    memcpy(p, "\xf3\x89\x9a\xc2\x0a\x01k", 7);
    p += 7;
    for (uint32_t i = 0; i < r->users; i++) {
        memcpy(p, "\x1a\x10\x08\x00\x1a\x0c", USER_OVERHEAD);
        memcpy(p + USER_OVERHEAD, &r->id, sizeof r->id);
        memcpy(p + USER_OVERHEAD + sizeof r->id, &i, sizeof i);
        p += USER_OVERHEAD + USER_DATA;
    }
    md5(span_of(out + 4, (size_t)(p - out) - 4), (uint8_t *)p);
    assert_int_equal(p + MD5_LEN - out, r->size);
}

int fake_find(const struct kinesis *k, uint64_t id, size_t *at)
{
    if (id == 0 || id >= k->next_id)
        return -1;
    *at = k->places[id].at;
    return k->places[id].shard;
}

uint64_t fake_record_id(const struct kinesis_record *r)
{
    uint64_t id;
    assert_true(r->data.n >= sizeof(id));
    memcpy(&id, r->data.p, sizeof(id));
    return id;
}

void fake_fail(struct kinesis *k, enum kinesis_op op, int times, int status, const char *code)
{
    int http = code ? 400 : 0;
    k->forced[op] = (struct fake_outcome){times, status, http, code};
}

struct fake_shard *fake_shard_of(struct kinesis *k, struct span id)
{
    for (int i = 0; i < k->n_shards; i++)
        if (span_is(id, k->shards[i]->id))
            return k->shards[i]->gone ? NULL : k->shards[i];
    return NULL;
}

// Replies ----------------------------------------------------------------------------------------

static void answer_error(struct fake_call *f, int status, const char *code)
{
    f->status = status;
    f->code = code;
    f->http_status = code ? 400 : 0;
}

static void fill_shard(struct kinesis *k, struct kinesis_output *o, const struct fake_shard *s,
                       struct kinesis_shard *out)
{
    *out =
        (struct kinesis_shard){.shard_id = text(o, s->id), .starting_sequence_number = SPAN("1")};
    if (s->first_key) {
        out->starting_hash_key = text(o, s->first_key);
        out->ending_hash_key = text(o, s->last_key);
    }
    if (s->parents[0] >= 0)
        out->parent_id = text(o, k->shards[s->parents[0]]->id);
    if (s->parents[1] >= 0)
        out->adjacent_parent_id = text(o, k->shards[s->parents[1]]->id);
    if (!s->open)
        out->ending_sequence_number = seq_span(o, k->next_seq);
}

static void reply_describe(struct fake_call *f)
{
    struct kinesis *k = f->k;
    f->out.stream_arn = text(&f->out, k->arn);
    f->out.stream_status = text(&f->out, k->status);
    f->out.created_ms = k->created_ms;
}

static void reply_list_put_shards(struct fake_call *f)
{
    struct kinesis *k = f->k;
    struct kinesis_output *o = &f->out;
    char text_of[HASH_KEY_TEXT_MAX];
    o->shards = arena_array(&o->arena, struct kinesis_shard, k->put_shards + 1);
    for (uint32_t i = 0; i < k->put_shards; i++) {
        struct kinesis_shard *s = &o->shards[o->n_shards++];
        *s = (struct kinesis_shard){.shard_id =
                                        arena_printf(&o->arena, "put-%u-%u", k->put_shards, i)};
        hash_key_format(hash_key_part(i, k->put_shards), text_of);
        s->starting_hash_key = text(o, text_of);
        hash_key_format(i + 1 < k->put_shards ? hash_key_prev(hash_key_part(i + 1, k->put_shards))
                                              : HASH_KEY_MAX,
                        text_of);
        s->ending_hash_key = text(o, text_of);
    }
    // Closed ones are listed, too.
    o->shards[o->n_shards++] = (struct kinesis_shard){.shard_id = SPAN("old"),
                                                      .starting_hash_key = SPAN("0"),
                                                      .ending_hash_key = SPAN("9"),
                                                      .ending_sequence_number = SPAN("1")};
}

static void reply_list(struct fake_call *f)
{
    struct kinesis *k = f->k;
    int at = 0;
    if (k->put_shards > 0) {
        reply_list_put_shards(f);
        return;
    }
    assert_true((f->in->next_token.n > 0) != (f->in->stream_name.n > 0));
    if (f->in->next_token.n > 0)
        at = atoi(arena_cstr(&f->out.arena, f->in->next_token));
    f->out.shards = arena_array(&f->out.arena, struct kinesis_shard, FAKE_MAX_SHARDS);
    for (; at < k->n_shards; at++) {
        if (k->page > 0 && f->out.n_shards == k->page) {
            f->out.next_token = arena_printf(&f->out.arena, "%d", at);
            return;
        }
        if (!k->shards[at]->gone && !k->shards[at]->hidden)
            fill_shard(k, &f->out, k->shards[at], &f->out.shards[f->out.n_shards++]);
    }
}

size_t fake_place_of(const struct fake_shard *s, struct span seq, bool after)
{
    char have[32];
    size_t i = 0;
    for (; i < s->n; i++) {
        fake_seq_text(s->records[i].seq, have);
        int c = kinesis_sequence_cmp(span_str(have), seq);
        if (after ? c > 0 : c >= 0)
            break;
    }
    return i;
}

bool fake_start_of(const struct kinesis *k, const struct fake_shard *s,
                   const struct kinesis_input *in, size_t *at)
{
    *at = 0;
    switch (in->iterator_type) {
    case KINESIS_LATEST:
        *at = s->n;
        break;
    case KINESIS_TRIM_HORIZON:
        break;
    case KINESIS_AT_TIMESTAMP:
        if (in->timestamp_ms > kinesis_wall_ms(k))
            return false;
        while (*at < s->n && s->records[*at].arrival_ms < in->timestamp_ms)
            ++*at;
        break;
    default:
        *at = fake_place_of(s, in->sequence_number,
                            in->iterator_type == KINESIS_AFTER_SEQUENCE_NUMBER && !k->at_for_after);
    }
    return true;
}

static void reply_iterator(struct fake_call *f)
{
    struct kinesis *k = f->k;
    const struct kinesis_input *in = f->in;
    struct fake_shard *s = fake_shard_of(k, in->shard_id);
    size_t at = 0;
    if (!s) {
        answer_error(f, ERR_NOT_FOUND, "ResourceNotFoundException");
        return;
    }
    if (!fake_start_of(k, s, in, &at)) {
        answer_error(f, ERR_INVALID, "InvalidArgumentException");
        return;
    }
    f->out.iterator =
        arena_printf(&f->out.arena, "%s/%zu/%" PRId64, s->id, at, loop_now_ms(k->loop));
}

static void check_rate(struct kinesis *k, struct fake_shard *s)
{
    int64_t now = loop_now_ms(k->loop);
    unsigned rate = k->rate > 0 && k->rate <= 8 ? (unsigned)k->rate : 0;
    if (rate > 0) {
        int64_t oldest = s->gets[(s->at + 8 - rate) % 8];
        if (s->n_gets >= rate)
            assert_true(now - oldest >= SECOND_MS);
    }
    s->gets[s->at] = now;
    s->at = (s->at + 1) % 8;
    s->n_gets++;
}

void fake_fill_records(struct kinesis_output *o, const struct fake_shard *s, size_t at, size_t n)
{
    size_t bytes = 0;
    o->records = arena_array(&o->arena, struct kinesis_record, n ? n : 1);
    for (size_t i = 0; i < n; i++)
        bytes += s->records[at + i].size + RECORD_OVERHEAD;
    buf_reserve(&o->body, bytes + RECORD_OVERHEAD);
    for (size_t i = 0; i < n; i++) {
        const struct fake_record *r = &s->records[at + i];
        char *data = o->body.p + o->body.n;
        if (r->users > 0) {
            write_aggregate(data, r);
        } else {
            memset(data, 'x', r->size);
            memcpy(data, &r->id, sizeof(r->id));
        }
        o->records[i] = (struct kinesis_record){.sequence_number = seq_span(o, r->seq),
                                                .partition_key = SPAN("k"),
                                                .data = span_of(data, r->size),
                                                .arrival_ms = r->arrival_ms};
        o->body.n += r->size + RECORD_OVERHEAD;
    }
    o->body.n += RECORD_OVERHEAD;
    o->n_records = n;
}

void fake_fill_children(const struct kinesis *k, struct kinesis_output *o, int parent)
{
    o->shards = arena_array(&o->arena, struct kinesis_shard, 4);
    for (int i = 0; i < k->n_shards && !k->no_children; i++) {
        struct fake_shard *s = k->shards[i];
        if (s->parents[0] != parent && s->parents[1] != parent)
            continue;
        struct span *parents = arena_array(&o->arena, struct span, 2);
        size_t n = 0;
        for (int j = 0; j < 2; j++)
            if (s->parents[j] >= 0)
                parents[n++] = text(o, k->shards[s->parents[j]]->id);
        o->shards[o->n_shards++] =
            (struct kinesis_shard){.shard_id = text(o, s->id), .parents = parents, .n_parents = n};
    }
}

static void reply_records(struct fake_call *f)
{
    struct kinesis *k = f->k;
    int shard;
    size_t at;
    int64_t issued;
    char *it = arena_cstr(&f->out.arena, f->in->iterator);
    assert_int_equal(sscanf(it, "shardId-%d/%zu/%" SCNd64, &shard, &at, &issued), 3);
    if (shard >= k->n_shards || k->shards[shard]->gone) {
        answer_error(f, ERR_NOT_FOUND, "ResourceNotFoundException");
        return;
    }
    struct fake_shard *s = k->shards[shard];
    if (loop_now_ms(k->loop) - issued > ITERATOR_LIFE_MS) {
        answer_error(f, ERR_INVALID, "ExpiredIteratorException");
        return;
    }
    size_t n = s->n > at ? s->n - at : 0, most = (size_t)f->in->limit;
    if (n > most)
        n = most;
    bool empty = k->lie_behind > 0;
    if (empty) {
        k->lie_behind--;
        n = 0;
    }
    fake_fill_records(&f->out, s, at, n);
    at += n;
    f->out.millis_behind = at < s->n || empty ? 1000 : 0;
    bool lie = s->open && k->lie_end > 0;
    k->lie_end -= lie;
    if (lie)
        return;
    if (!s->open && at >= s->n && !empty) {
        fake_fill_children(k, &f->out, shard);
        return;
    }
    f->out.iterator =
        arena_printf(&f->out.arena, "%s/%zu/%" PRId64, s->id, at, loop_now_ms(k->loop));
}

static void copy_text(char out[64], struct span s)
{
    size_t n = s.n < 63 ? s.n : 63;
    memcpy(out, s.p, n);
    out[n] = '\0';
}

static void keep_put(struct kinesis *k, struct span key, struct span data, int shard)
{
    if (k->n_puts == k->cap_puts) {
        k->cap_puts = k->cap_puts ? 2 * k->cap_puts : 64;
        k->puts = mem_realloc(k->puts, k->cap_puts * sizeof(*k->puts));
    }
    struct fake_put *p = &k->puts[k->n_puts++];
    copy_text(p->key, key);
    copy_text(p->data, data);
    p->shard = shard;
    p->at_ms = loop_now_ms(k->loop);
}

static struct hash_key put_shard_end(const struct kinesis *k, uint32_t i)
{
    return i + 1 < k->put_shards ? hash_key_prev(hash_key_part(i + 1, k->put_shards))
                                 : HASH_KEY_MAX;
}

static int put_shard_of(const struct kinesis *k, const struct kinesis_put_entry *e)
{
    struct hash_key h;
    if (k->put_shards == 0)
        return 0;
    if (e->explicit_hash_key.n == 0)
        h = hash_key_of(e->partition_key);
    else
        assert_true(hash_key_parse(e->explicit_hash_key, &h));
    uint32_t i = 0;
    while (hash_key_cmp(h, put_shard_end(k, i)) > 0)
        i++;
    return (int)i;
}

static void keep_entry(struct kinesis *k, const struct kinesis_put_entry *e, int shard)
{
    struct arena a = {0};
    struct kpl_reader r;
    struct kpl_record user;
    if (k->put_shards == 0 || !kpl_open(&r, e->data, &a)) {
        keep_put(k, e->partition_key, e->data, shard);
    } else if (!kpl_is_within(&r, hash_key_part((uint32_t)shard, k->put_shards),
                              put_shard_end(k, (uint32_t)shard))) {
        k->n_dropped++;
    } else {
        k->n_aggregates++;
        while (kpl_next(&r, &user) == KPL_RECORD)
            keep_put(k, user.partition_key, user.data, shard);
    }
    arena_free(&a);
}

static bool is_shard_throttled(struct kinesis *k, int shard)
{
    int64_t now = loop_now_ms(k->loop);
    if (k->put_shards == 0 || shard != k->throttled_shard)
        return false;
    if (now - k->throttled_from_ms >= 1000) {
        k->throttled_from_ms = now;
        k->throttled_n = 0;
    }
    return ++k->throttled_n > k->throttled_rate;
}

static void take_put(struct fake_call *f, const struct kinesis_put_entry *e,
                     struct kinesis_put_result *result)
{
    struct kinesis *k = f->k;
    int shard = put_shard_of(k, e);
    if (is_shard_throttled(k, shard)) {
        result->error_code = SPAN("ProvisionedThroughputExceededException");
        result->error_message = SPAN("Rate exceeded");
        f->out.failed_count++;
        return;
    }
    keep_entry(k, e, shard);
    result->sequence_number = seq_span(&f->out, k->next_seq++);
    result->shard_id = k->put_shards
                           ? arena_printf(&f->out.arena, "put-%u-%d", k->put_shards, shard)
                           : SPAN("shardId-000000000000");
}

static void reply_put(struct fake_call *f)
{
    struct kinesis *k = f->k;
    const struct kinesis_input *in = f->in;
    size_t bytes = 0, n = in->n_entries;
    for (size_t i = 0; i < n; i++) {
        bytes += in->entries[i].data.n + in->entries[i].partition_key.n;
        if (k->poison && span_has_prefix(in->entries[i].data, span_str(k->poison))) {
            answer_error(f, ERR_INVALID, "ValidationException");
            return;
        }
    }
    assert_true(n >= 1 && n <= 500 && bytes <= 10 * 1024 * 1024);
    if (n > k->max_put_records)
        k->max_put_records = n;
    if (bytes > k->max_put_bytes)
        k->max_put_bytes = bytes;
    f->out.results = arena_zalloc(&f->out.arena, n * sizeof(*f->out.results));
    f->out.n_results = n;
    for (size_t i = 0; i < n; i++) {
        if (fake_chance(k, k->put_throttle)) {
            f->out.results[i].error_code = SPAN("ProvisionedThroughputExceededException");
            f->out.results[i].error_message = SPAN("Rate exceeded");
            f->out.failed_count++;
            continue;
        }
        take_put(f, &in->entries[i], &f->out.results[i]);
    }
    f->out.n_results -= k->short_results;
}

static bool names_stream(const struct fake_call *f)
{
    const struct kinesis_input *in = f->in;
    if (f->op == KINESIS_GET_RECORDS || in->next_token.n > 0)
        return true;
    return span_is(in->stream_name, f->k->name) || span_is(in->stream_arn, f->k->arn);
}

static void reply_consumer(struct fake_call *f)
{
    struct kinesis *k = f->k;
    bool registers = f->op == KINESIS_REGISTER_STREAM_CONSUMER;
    assert_true(f->in->consumer_name.n > 0);
    if (registers && k->consumer_since_ms > 0) {
        answer_error(f, ERR_BUSY, "ResourceInUseException");
        return;
    }
    if (registers) {
        k->consumer_since_ms = loop_now_ms(k->loop) + 1;
        k->n_consumers++;
    }
    if (k->consumer_since_ms == 0) {
        answer_error(f, ERR_NOT_FOUND, "ResourceNotFoundException");
        return;
    }
    bool active =
        !k->stuck_creating && loop_now_ms(k->loop) - k->consumer_since_ms >= FAKE_CREATING_MS;
    char arn[64];
    fake_consumer_arn(k, arn);
    f->out.consumer_arn = text(&f->out, arn);
    f->out.consumer_status = active ? SPAN("ACTIVE") : SPAN("CREATING");
}

static bool fail_by_force(struct fake_call *f)
{
    struct fake_outcome *o = &f->k->forced[f->op];
    if (o->times == 0)
        return false;
    if (o->times > 0)
        o->times--;
    answer_error(f, o->status, o->code);
    return true;
}

static bool fail_by_chance(struct fake_call *f)
{
    struct kinesis *k = f->k;
    if (fake_chance(k, k->throttle))
        answer_error(f, ERR_THROTTLED, "ProvisionedThroughputExceededException");
    else if (fake_chance(k, k->fail))
        answer_error(f, ERR_UNAVAILABLE, "InternalFailure");
    else if (fake_chance(k, k->cut))
        answer_error(f, fake_chance(k, 500) ? ERR_CLOSED : ERR_TIMEOUT, NULL);
    else
        return false;
    return true;
}

static void make_reply(struct fake_call *f)
{
    struct kinesis *k = f->k;
    if (fail_by_force(f) || fail_by_chance(f))
        return;
    if (!k->exists || !names_stream(f)) {
        answer_error(f, ERR_NOT_FOUND, "ResourceNotFoundException");
        return;
    }
    switch (f->op) {
    case KINESIS_DESCRIBE_STREAM_SUMMARY:
        reply_describe(f);
        break;
    case KINESIS_LIST_SHARDS:
        reply_list(f);
        break;
    case KINESIS_GET_SHARD_ITERATOR:
        reply_iterator(f);
        break;
    case KINESIS_GET_RECORDS:
        reply_records(f);
        break;
    case KINESIS_REGISTER_STREAM_CONSUMER:
    case KINESIS_DESCRIBE_STREAM_CONSUMER:
        reply_consumer(f);
        break;
    default:
        reply_put(f);
        if (f->status == 0 && fake_chance(k, k->cut))
            f->status = ERR_CLOSED; // it took effect, and nobody was told
    }
}

// Calls ------------------------------------------------------------------------------------------

static void finish(struct fake_call *f)
{
    struct kinesis_call *call = f->call;
    struct aws_error e = {.http_status = f->http_status,
                          .net_error = f->http_status ? 0 : f->status,
                          .code = span_str(f->code),
                          .message = f->code ? SPAN("said the service") : SPAN_NONE};
    struct kinesis_output out = f->out;
    int status = f->canceled ? ERR_CANCELED : f->status;
    f->k->n_running--;
    list_remove(&f->link);
    mem_free(f);
    call->internal = NULL;
    if (status != 0)
        kinesis_output_free(&out);
    call->on_done(call, status, &out, status ? &e : NULL);
    kinesis_output_free(&out);
}

static void advance(struct timer *t)
{
    struct fake_call *f = container_of(t, struct fake_call, timer);
    if (f->k->stuck && !f->canceled) {
        timer_start(f->k->loop, &f->timer, 10);
        return;
    }
    if (f->canceled || f->sized) {
        finish(f);
        return;
    }
    make_reply(f);
    f->sized = true;
    if (f->status == 0 && f->call->on_size) {
        int64_t length = f->k->no_length ? -1 : (int64_t)f->out.body.n;
        f->paused = !f->call->on_size(f->call, length);
    }
    if (!f->paused)
        timer_start(f->k->loop, &f->timer, 1);
}

int kinesis_start(struct kinesis *k, struct kinesis_call *call, enum kinesis_op op,
                  const struct kinesis_input *in, const struct kinesis_call_options *o)
{
    assert_int_equal(o->max_attempts, 1);
    if (k->refuse_start > 0) {
        k->refuse_start--;
        return ERR_BUSY;
    }
    list_for(it, &k->calls)
    {
        assert_ptr_not_equal(container_of(it, struct fake_call, link)->call, call);
    }
    if (op == KINESIS_GET_RECORDS) {
        char id[32];
        assert_true(in->limit >= 1 && in->limit <= 10000);
        snprintf(id, sizeof(id), "%.*s", (int)span_find(in->iterator, '/'), in->iterator.p);
        struct fake_shard *s = fake_shard_of(k, span_str(id));
        if (s)
            check_rate(k, s);
    }
    struct fake_call *f = mem_new(struct fake_call);
    f->k = k;
    f->call = call;
    f->op = op;
    f->in = in;
    f->timer.fire = advance;
    call->internal = f;
    call->op = op;
    k->n_calls++;
    k->n_running++;
    k->counts[op]++;
    list_push(&k->calls, &f->link);
    timer_start(k->loop, &f->timer,
                1 + k->slow_ms[op] +
                    (int64_t)test_random_below(&k->random_state, (uint64_t)k->latency_ms));
    return 0;
}

void kinesis_resume(struct kinesis_call *call)
{
    struct fake_call *f = call->internal;
    assert_true(f->paused);
    f->paused = false;
    timer_start(f->k->loop, &f->timer, 1);
}

void kinesis_cancel(struct kinesis_call *call)
{
    struct fake_call *f = call->internal;
    f->canceled = true;
    timer_start(f->k->loop, &f->timer,
                f->k->slow_cancel ? (int64_t)test_random_below(&f->k->random_state, 50) : 0);
}

void kinesis_output_free(struct kinesis_output *o)
{
    arena_free(&o->arena);
    buf_free(&o->body);
    *o = (struct kinesis_output){0};
}

struct span kinesis_host(const struct kinesis *k)
{
    (void)k;
    return SPAN("kinesis.eu-west-1.amazonaws.com");
}

int64_t kinesis_wall_ms(const struct kinesis *k)
{
    return loop_wall_ms(k->loop) + k->clock_off_ms;
}

const char *kinesis_op_name(enum kinesis_op op)
{
    static const char *const names[] = {"DescribeStreamSummary",
                                        "ListShards",
                                        "GetShardIterator",
                                        "GetRecords",
                                        "PutRecords",
                                        "RegisterStreamConsumer",
                                        "DescribeStreamConsumer",
                                        "SubscribeToShard"};
    return names[op];
}

int kinesis_sequence_cmp(struct span a, struct span b)
{
    if (a.n != b.n)
        return a.n < b.n ? -1 : 1;
    return memcmp(a.p, b.p, a.n);
}
