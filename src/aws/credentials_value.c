// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_value.h"

#include "base/mem.h"

struct credentials_value {
    size_t id, secret, token; // lengths
    uint8_t *hidden;          // the three in a row, and as many bytes of the pad
};

static size_t length(const struct credentials_value *v)
{
    return v->id + v->secret + v->token;
}

struct credentials_value *credentials_value_new(const struct sigv4_credentials *c,
                                                const struct clock *clock)
{
    struct credentials_value *v = mem_new(struct credentials_value);
    const struct span parts[] = {c->access_key_id, c->secret_access_key, c->session_token};
    v->id = parts[0].n;
    v->secret = parts[1].n;
    v->token = parts[2].n;
    size_t n = length(v), at = 0;
    v->hidden = mem_alloc(2 * n);
    clock->random(clock->ctx, v->hidden + n, n);
    for (size_t k = 0; k < 3; k++) {
        for (size_t i = 0; i < parts[k].n; i++, at++) {
            v->hidden[at] = (uint8_t)parts[k].p[i] ^ v->hidden[n + at];
        }
    }
    return v;
}

void credentials_value_open(const struct credentials_value *v, struct credentials_open *out)
{
    size_t n = length(v);
    out->n = n;
    out->bytes = mem_alloc(n);
    for (size_t i = 0; i < n; i++) {
        out->bytes[i] = (char)(v->hidden[i] ^ v->hidden[n + i]);
    }
    out->c.access_key_id = span_of(out->bytes, v->id);
    out->c.secret_access_key = span_of(out->bytes + v->id, v->secret);
    out->c.session_token = span_of(out->bytes + v->id + v->secret, v->token);
}

void credentials_value_close(struct credentials_open *o)
{
    mem_wipe(o->bytes, o->n);
    mem_free(o->bytes);
    *o = (struct credentials_open){0};
}

void credentials_value_free(struct credentials_value *v)
{
    if (v) {
        mem_wipe(v->hidden, 2 * length(v));
        mem_free(v->hidden);
        mem_free(v);
    }
}

static int64_t part(int64_t ms, double unit)
{
    return (int64_t)((double)ms * unit);
}

static int64_t static_retry_ms(double unit)
{
    return CREDENTIALS_STATIC_RETRY_MS + part(CREDENTIALS_STATIC_RETRY_MS, unit);
}

struct credentials_schedule credentials_schedule(const struct source_value *v, bool lasting,
                                                 int64_t wall_ms, int64_t now_ms, double unit)
{
    struct credentials_schedule s = {0};
    if (v->expires_ms == 0) {
        return s;
    }
    int64_t life_ms = v->expires_ms - (v->issued_ms ? v->issued_ms : wall_ms);
    s.ends = true;
    s.said_ms = now_ms + life_ms;
    if (life_ms <= 0) {
        s.ended_at_once = true;
        s.refresh_ms =
            now_ms + (lasting ? static_retry_ms(unit) : (int64_t)CREDENTIALS_ENDED_RETRY_MS);
        // The service has the last word: whose clock is wrong is not known here.
        s.end_ms = INT64_MAX;
        return s;
    }
    if (life_ms > CREDENTIALS_LIFE_MAX_MS) {
        life_ms = CREDENTIALS_LIFE_MAX_MS;
    }
    int64_t early_ms = life_ms / 2 < CREDENTIALS_EARLY_MS ? life_ms / 2 : CREDENTIALS_EARLY_MS;
    s.refresh_ms = now_ms + life_ms - early_ms - part(early_ms / 3, unit);
    s.end_ms = lasting ? INT64_MAX : now_ms + life_ms;
    return s;
}

int64_t credentials_retry_after_ms(int failures, bool lasting, double unit)
{
    if (lasting) {
        return static_retry_ms(unit);
    }
    int64_t ms = CREDENTIALS_RETRY_MS;
    for (int i = 1; i < failures && ms < CREDENTIALS_RETRY_MAX_MS; i++) {
        ms *= 2;
    }
    ms = ms < CREDENTIALS_RETRY_MAX_MS ? ms : CREDENTIALS_RETRY_MAX_MS;
    return ms / 2 + part(ms / 2, unit);
}
