// SPDX-License-Identifier: Apache-2.0
#include "aws/credentials_value.h"

#include "base/mem.h"

static struct span put(char **at, struct span s)
{
    struct span out = {*at, s.n};
    if (s.n) {
        memcpy(*at, s.p, s.n);
    }
    *at += s.n;
    return out;
}

struct credentials_value *credentials_value_new(const struct sigv4_credentials *c)
{
    size_t n = c->access_key_id.n + c->secret_access_key.n + c->session_token.n;
    struct credentials_value *v = mem_alloc(sizeof *v + n);
    char *at = (char *)(v + 1);
    v->n = n;
    v->c.access_key_id = put(&at, c->access_key_id);
    v->c.secret_access_key = put(&at, c->secret_access_key);
    v->c.session_token = put(&at, c->session_token);
    return v;
}

void credentials_value_free(struct credentials_value *v)
{
    if (v) {
        mem_wipe(v + 1, v->n);
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
