// SPDX-License-Identifier: Apache-2.0
#include "emulator/emulator.h"

#include "base/mem.h"
#include "emulator/push.h"
#include "emulator/reply.h"
#include "emulator/service.h"

#define CLOSE_GRACE_MS 1000

static void on_request(void *ctx, struct http_exchange *x)
{
    struct emulator *e = ctx;
    if (span_has_prefix(http_path(x), SPAN(EMU_ADMIN_PREFIX)))
        emu_admin_handle(e, x);
    else
        emu_service_handle(e, x);
}

static struct span owned(const char *s)
{
    return s ? span_of(mem_strndup(s, strlen(s)), strlen(s)) : SPAN_NONE;
}

static void secret_free(struct span s)
{
    if (s.p)
        mem_wipe((char *)s.p, s.n);
    mem_free((char *)s.p);
}

static void auth_free(struct emu_auth *a)
{
    mem_free((char *)a->id.p);
    mem_free((char *)a->ended.p);
    secret_free(a->secret);
    secret_free(a->token);
    mem_wipe(a->key, sizeof a->key);
}

static struct span copied(struct span s)
{
    return s.n ? span_of(mem_strndup(s.p, s.n), s.n) : SPAN_NONE;
}

void emu_service_set_credentials(struct emulator *e, struct span id, struct span secret,
                                 struct span token)
{
    struct emu_auth old = e->auth;
    e->auth = (struct emu_auth){.id = copied(id),
                                .secret = copied(secret),
                                .token = copied(token),
                                .ended = copied(old.id),
                                .region = old.region,
                                .service = old.service};
    e->check_signatures = true;
    auth_free(&old);
}

static void emulator_free(struct emulator *e)
{
    emu_account_free(&e->account);
    auth_free(&e->auth);
    buf_free(&e->reply);
    mem_free(e);
}

static bool is_stream_name(struct span s)
{
    struct emu_input in = {.f[EMU_M_STREAM_NAME] = {.set = true, .s = s}};
    static const struct emu_shape shape = {.member = {EMU_M_STREAM_NAME}, .n = 1, .required = 1};
    struct arena arena = {0};
    struct emu_error error;
    bool ok = emu_input_check(&shape, &in, &arena, &error);
    arena_free(&arena);
    return ok;
}

int emulator_create_stream(struct emulator *e, const char *name, unsigned shards, struct err *err)
{
    struct span s = span_str(name);
    uint32_t open = emu_account_open_shards(&e->account);
    if (!is_stream_name(s))
        return err_set(err, ERR_INVALID,
                       "stream name \"%s\": 1 to 128 of letters, digits and _ . - expected", name);
    if (shards < 1 || shards > e->account.shard_limit - open)
        return err_set(err, ERR_LIMIT, "stream \"%s\": 1 to %u shards are possible, not %u", name,
                       (unsigned)(e->account.shard_limit - open), shards);
    if (emu_account_stream(&e->account, s))
        return err_set(err, ERR_EXISTS, "stream \"%s\" is there already", name);
    emu_account_create(&e->account, s, shards, emu_service_now(e).wall_ms);
    return 0;
}

static int copy_name(char *out, size_t max, const char *value, const char *what, struct err *err)
{
    if (strlen(value) > max || !*value)
        return err_set(err, ERR_INVALID, "%s \"%s\": 1 to %zu characters expected", what, value,
                       max);
    memcpy(out, value, strlen(value) + 1);
    return 0;
}

static int check_options(struct emulator *e, const struct emulator_options *o, struct err *err)
{
    const char *account = o->account ? o->account : EMULATOR_ACCOUNT;
    if (copy_name(e->account.id, EMU_ACCOUNT_ID_LEN, account, "account", err) ||
        copy_name(e->account.region, EMU_REGION_MAX, o->region ? o->region : EMULATOR_REGION,
                  "region", err))
        return err->code;
    if (strspn(account, "0123456789") != EMU_ACCOUNT_ID_LEN)
        return err_set(err, ERR_INVALID, "account \"%s\": 12 digits expected", account);
    if (!o->access_key_id != !o->secret_access_key)
        return err_set(err, ERR_INVALID, "an access key id and a secret are needed, or neither");
    e->account.limits = o->limits;
    e->account.shard_limit = o->shard_limit;
    e->account.transition_ms = o->transition_ms < 0 ? 0
                               : o->transition_ms   ? o->transition_ms
                                                    : EMULATOR_TRANSITION_MS;
    emu_account_init(&e->account, o->retained_bytes ? o->retained_bytes : EMULATOR_RETAINED_BYTES);
    e->clock->random(e->clock->ctx, e->account.token_key, sizeof e->account.token_key);
    e->check_signatures = o->access_key_id != NULL;
    e->auth = (struct emu_auth){
        .id = owned(o->access_key_id),
        .secret = owned(o->secret_access_key),
        .token = owned(o->session_token),
        .region = span_str(e->account.region),
        .service = SPAN("kinesis"),
    };
    for (size_t i = 0; i < o->n_streams; i++)
        if (emulator_create_stream(e, o->streams[i].name, o->streams[i].shards, err))
            return err->code;
    return 0;
}

static int configure(struct emulator *e, const struct emulator_options *o, struct err *err)
{
    if (check_options(e, o, err))
        err->code = ERR_CONFIG;
    return err->code;
}

int emulator_new(struct loop *l, const struct emulator_options *o, struct emulator **out,
                 struct err *err)
{
    struct err ignored = {0};
    struct emulator *e = mem_new(struct emulator);
    err = err ? err : &ignored;
    e->loop = l;
    e->clock = o->clock ? o->clock : loop_clock(l);
    list_init(&e->stalled);
    list_init(&e->trickles);
    list_init(&e->pushes);
    struct http_server_options http = {
        .host = o->host.n ? o->host : SPAN("127.0.0.1"),
        .port = o->port,
        .tls_cert = o->tls_cert,
        .tls_key = o->tls_key,
        .max_body = EMULATOR_BODY_MAX,
        .max_connections = EMULATOR_CONNECTIONS_MAX,
        .handler = on_request,
        .ctx = e,
    };
    int rc = configure(e, o, err);
    if (rc == 0)
        rc = http_server_new(l, &http, &e->server, err);
    if (rc != 0) {
        emulator_free(e);
        return rc;
    }
    *out = e;
    return 0;
}

uint16_t emulator_port(const struct emulator *e)
{
    return http_server_port(e->server);
}

static void on_server_closed(void *ctx)
{
    struct emulator *e = ctx;
    void (*cb)(void *) = e->on_closed;
    void *cb_ctx = e->on_closed_ctx;
    emulator_free(e);
    if (cb)
        cb(cb_ctx);
}

void emulator_close(struct emulator *e, void (*cb)(void *ctx), void *ctx)
{
    require(!e->closing);
    e->closing = true;
    e->on_closed = cb;
    e->on_closed_ctx = ctx;
    http_server_drain(e->server);
    emu_service_unstall(e);
    emu_replies_end(e);
    emu_push_end_all(e);
    http_server_close(e->server, CLOSE_GRACE_MS, on_server_closed, e);
}

int emulator_put_record(struct emulator *e, struct span stream, struct span partition_key,
                        struct span data)
{
    char sequence[EMU_SEQUENCE_LEN];
    struct emu_now now = emu_service_now(e);
    emu_account_settle(&e->account, now);
    struct emu_stream *s = emu_account_stream(&e->account, stream);
    size_t characters = emu_characters(partition_key);
    if (!s || (s->status != EMU_ACTIVE && s->status != EMU_UPDATING))
        return ERR_NOT_FOUND;
    if (characters < 1 || characters > EMU_KEY_MAX || !span_is_utf8(partition_key) ||
        data.n + partition_key.n > (size_t)s->record_kib * 1024)
        return ERR_LIMIT;
    struct emu_shard *sh = emu_stream_route(s, hash_key_of(partition_key));
    emu_shard_trim(s, sh, now.wall_ms);
    emu_shard_put(sh, partition_key, data, now.wall_ms, sequence);
    e->account.records_in++;
    emu_push_kick(e);
    return 0;
}

uint64_t emulator_record_count(struct emulator *e, struct span stream)
{
    struct emu_stream *s = emu_account_stream(&e->account, stream);
    uint64_t n = 0;
    for (uint32_t i = 0; s && i < s->n_shards; i++)
        n += s->shards[i]->log.next - s->shards[i]->log.first;
    return n;
}

bool emulator_record_at(struct emulator *e, struct span stream, uint32_t shard, uint64_t n,
                        struct emulator_record *out)
{
    struct emu_stream *s = emu_account_stream(&e->account, stream);
    struct emu_shard *sh = s ? emu_stream_shard(s, shard) : NULL;
    struct emu_cursor cursor = {0};
    struct emu_record r;
    if (!sh || n >= sh->log.next - sh->log.first)
        return false;
    struct emu_page page = emu_log_page(&sh->log, sh->log.first + n, 1, SIZE_MAX);
    if (!emu_log_next(&sh->log, &page, &cursor, &r))
        return false;
    *out = (struct emulator_record){r.sequence, r.key, r.data, r.arrival_ms};
    return true;
}

uint64_t emulator_calls(const struct emulator *e, const char *operation)
{
    enum emu_op op;
    return emu_op_find(span_str(operation), &op) ? e->calls[op] : 0;
}

int emulator_add_faults(struct emulator *e, struct span json, struct err *err)
{
    return emu_faults_add(&e->faults, json, err);
}

void emulator_clear_faults(struct emulator *e)
{
    emu_faults_clear(&e->faults);
}
