// SPDX-License-Identifier: Apache-2.0
#include "lib/test_fault.h"

struct test_fault test_fault_at(uint32_t first, uint32_t times)
{
    return (struct test_fault){.first = first, .times = times};
}

bool test_fault_hit(struct test_fault *f)
{
    if (f->paused) {
        return false;
    }
    f->calls++;
    return f->first > 0 && f->calls >= f->first && f->calls - f->first < f->times;
}
