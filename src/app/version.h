// SPDX-License-Identifier: Apache-2.0
#ifndef PENSTOCK_APP_VERSION_H
#define PENSTOCK_APP_VERSION_H

#define PENSTOCK_VERSION "0.1.0"

#endif
