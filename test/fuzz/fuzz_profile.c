// SPDX-License-Identifier: Apache-2.0

// A shared config file and a shared credentials file, parsed one over the other.

#include "aws/profile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a = {0};
    struct err e = {0};
    struct profile *list = NULL;
    struct span config = span_of((const char *)data, size), credentials = config;
    config = span_cut(&credentials, '\0');
    if (profile_parse(&a, config, PROFILE_CONFIG, &list, &e) == 0 &&
        profile_parse(&a, credentials, PROFILE_CREDENTIALS, &list, &e) == 0) {
        profile_get(profile_find(list, SPAN("default")), "region");
    }
    profile_wipe(list);
    arena_free(&a);
    return 0;
}
