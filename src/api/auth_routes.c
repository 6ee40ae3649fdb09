// SPDX-License-Identifier: Apache-2.0
#include "api/internal.h"
#include "api/routes.h"
#include "base/mem.h"

// Log-in, refresh, log-out, and who one is: facts/hub.md section 3.2.

static void on_logged_in(void *ctx, int status, struct span pair)
{
    struct wait *w = ctx;
    struct request *q = wait_end(w);
    mem_free(w);
    if (!q)
        return;
    if (status == 0) {
        q->api->counts.logins_ok++;
        respond_json(q, pair);
    } else if (status == ERR_AUTH) {
        q->api->counts.logins_failed++;
        respond_error(q, 401, HUB_AUTHENTICATION, "Invalid username or password");
    } else {
        respond_error(q, 503, HUB_GENERAL, "log-in is not possible now: try again");
    }
}

void auth_routes_login(struct request *q)
{
    struct json *body = request_json(q);
    if (!body)
        return;
    struct span user = json_get_str(body, "username", SPAN_NONE);
    struct span password = json_get_str(body, "password", SPAN_NONE);
    if (!user.n || !password.n) {
        json_free(body);
        respond_error(q, 400, HUB_BAD_REQUEST, "username and password must be given, as strings");
        return;
    }
    struct wait *w = mem_new(struct wait);
    wait_begin(w, q);
    int status = auth_login(q->api->auth, user, password, on_logged_in, w);
    if (password.n)
        mem_wipe((char *)password.p, password.n);
    json_free(body);
    if (status == 0)
        return;
    wait_end(w);
    mem_free(w);
    respond_error(q, 429, HUB_TOO_MANY, "Too many log-ins at the same time: try again");
}

void auth_routes_refresh(struct request *q)
{
    struct json *body = request_json(q);
    if (!body)
        return;
    struct span token = json_get_str(body, "refreshToken", SPAN_NONE);
    struct buf *out = request_out(q);
    int status = auth_refresh(q->api->auth, token, out);
    json_free(body);
    if (status == 0)
        respond_json(q, buf_span(out));
    else if (status == ERR_TIMEOUT)
        respond_error(q, 401, HUB_TOKEN_EXPIRED, "Token has expired");
    else
        respond_error(q, 401, HUB_AUTHENTICATION, "Authentication failed");
}

void auth_routes_logout(struct request *q)
{
    auth_logout(q->api->auth, &q->who);
    respond_empty(q);
}

void auth_routes_user(struct request *q)
{
    struct auth_user_info info;
    if (!auth_user(q->api->auth, q->who.user.id, &info)) {
        respond_error(q, 401, HUB_AUTHENTICATION, "Authentication failed");
        return;
    }
    struct uuid tenant = hub_tenant(q->api->o.hub);
    struct buf *b = request_out(q);
    struct json_out j = {.out = b};
    json_out_object(&j);
    write_ref(&j, "id", "USER", q->who.user.id);
    json_out_key_int(&j, "createdTime", info.created_ms);
    write_ref(&j, "tenantId", "TENANT", tenant);
    write_ref(&j, "customerId", "CUSTOMER", uuid_null);
    write_ref(&j, "ownerId", "TENANT", tenant);
    json_out_key_str(&j, "email", info.email);
    json_out_key_str(&j, "name", info.email);
    json_out_key_str(&j, "authority", info.authority);
    json_out_key_null(&j, "firstName");
    json_out_key_null(&j, "lastName");
    json_out_key_null(&j, "phone");
    json_out_key_null(&j, "additionalInfo");
    json_out_key_int(&j, "version", 1);
    json_out_end(&j);
    respond_json(q, buf_span(b));
}
