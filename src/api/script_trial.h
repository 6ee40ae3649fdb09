// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_API_SCRIPT_TRIAL_H
#define PENSTOCK_API_SCRIPT_TRIAL_H

// One run of a script that is being written: facts/hub.md sections 2.4 and 3.5. Shows what the hub
// makes of the result; a script that fails is a good answer with an error in it. Loop thread only.

#include "api/internal.h"

// Its own until it is answered, or the API closes and the result goes nowhere.
struct script_trial {
    struct wait wait;
    struct arena arena; // what the job reads
    struct convert_job job;
    struct uplink_record record;
    struct downlink_input input;
    enum convert_kind kind;
    void (*respond)(struct request *q, const struct script_trial *t);
};

// Fills what the script gets, gives the script to script_trial_set(), and sets `respond`; false:
// the request has been answered.
typedef bool script_trial_prepare_fn(struct request *q, struct script_trial *t,
                                     const struct json *doc);

// Runs the script of the request's body, which prepare() looks at, and answers.
void script_trial_run(struct request *q, script_trial_prepare_fn *prepare);

// For prepare(). Member `key`: the script, whichever language it says it is in, since TBEL is tried
// as the JavaScript it resembles. False: the request has been answered.
bool script_trial_read(struct request *q, const struct json *doc, const char *key,
                       struct span *script);
void script_trial_set(struct request *q, struct script_trial *t, enum convert_kind kind,
                      struct span script);

// For respond(). The members "output", which is the result's JSON as a string, and "error".
void script_trial_write(struct json_out *j, int status, struct span error, struct span output);

#endif
