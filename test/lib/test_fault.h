// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_TEST_LIB_TEST_FAULT_H
#define PENSTOCK_TEST_LIB_TEST_FAULT_H

// Makes the n-th call of something fail, for a fake that stands in for network, disk or store.
//
//   struct test_fault f = test_fault_at(3, 2);   // calls 3 and 4 fail, counted from 1
//   if (test_fault_hit(&f)) return ERR_IO;       // in the fake

#include <stdbool.h>
#include <stdint.h>

struct test_fault {
    uint32_t first;
    uint32_t times;
    uint32_t calls;
    bool paused; // calls do not count
};

// first == 0 never fails; times == UINT32_MAX fails for ever from `first` on.
struct test_fault test_fault_at(uint32_t first, uint32_t times);
// Counts one call; whether it shall fail.
bool test_fault_hit(struct test_fault *f);

#endif
