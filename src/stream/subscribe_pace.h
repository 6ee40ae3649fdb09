// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_STREAM_SUBSCRIBE_PACE_H
#define PENSTOCK_STREAM_SUBSCRIBE_PACE_H

// When the next SubscribeToShard of one shard is due. Pure: times in, times out, monotonic
// milliseconds.
//
// The service allows one call a second by consumer and shard, ends a subscription after five
// minutes, and refuses another within five seconds of one that it accepted (ResourceInUse); later
// the newcomer takes over and the old one is ended (facts/kcl.md section 4). So a subscription is
// renewed before its end, at a moment that differs from shard to shard, and brings records until
// the service has accepted the next; a call that fails is tried again meanwhile. One that has ended
// all the same is followed by the next at once, but for these five seconds; a refusal, whose five
// seconds began in another process, is asked again soon; and two readers that take over from each
// other do so less and less often.

#include <stdbool.h>
#include <stdint.h>

#define SUBSCRIBE_PACE_GAP_MS 1010 // the service measures at its end of a network
#define SUBSCRIBE_PACE_ACCEPTED_MS 5050
#define SUBSCRIBE_PACE_REFUSED_MS 1000
#define SUBSCRIBE_PACE_IN_USE_MS 5000
#define SUBSCRIBE_PACE_IN_USE_MAX_MS 60000
#define SUBSCRIBE_PACE_THROTTLE_MS 2000
#define SUBSCRIBE_PACE_THROTTLE_MAX_MS 10000
#define SUBSCRIBE_PACE_FAILURE_MS 200
#define SUBSCRIBE_PACE_FAILURE_MAX_MS 20000
#define SUBSCRIBE_PACE_LIFE_MS 300000
// It is renewed in the last 15 % of its life, and not in the last 5 %.
#define SUBSCRIBE_PACE_LATEST 20
#define SUBSCRIBE_PACE_SPREAD 10
#define SUBSCRIBE_PACE_RENEW_AGAIN_MS 2500
// One that lived so long was not taken over by a rival.
#define SUBSCRIBE_PACE_SETTLED_MS 60000

struct subscribe_pace {
    int64_t life_ms;
    int64_t last_call_ms, accepted_ms;
    int64_t renew_ms;
    int64_t backoff_until_ms;
    unsigned in_use, throttles, failures; // in a row
};

// What became of one call.
struct subscribe_past {
    int64_t called_ms;
    bool accepted, worked; // worked: an event came
};

// life_ms: how long the service lets a subscription live.
void subscribe_pace_init(struct subscribe_pace *p, int64_t first_ms, int64_t life_ms);
// When the next call is allowed.
int64_t subscribe_pace_due(const struct subscribe_pace *p);
// When the one accepted last is to be followed by the next, while it lasts.
int64_t subscribe_pace_renewal(const struct subscribe_pace *p);
// The end of the wait that failures impose; 0 = none.
int64_t subscribe_pace_backoff(const struct subscribe_pace *p);
void subscribe_pace_call(struct subscribe_pace *p, struct subscribe_past *past, int64_t now_ms);
// `unit` in [0,1) is the jitter, here and below.
void subscribe_pace_open(struct subscribe_pace *p, struct subscribe_past *past, int64_t now_ms,
                         double unit);
void subscribe_pace_event(struct subscribe_pace *p, struct subscribe_past *past);
// It is over: 0, or the ERR_* it failed with (ERR_BUSY = in use).
void subscribe_pace_end(struct subscribe_pace *p, const struct subscribe_past *past, int64_t now_ms,
                        int status, double unit);
// A call to renew failed; the subscription goes on.
void subscribe_pace_not_renewed(struct subscribe_pace *p, int64_t now_ms, double unit);

#endif
