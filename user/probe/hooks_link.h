/* SPDX-License-Identifier: Apache-2.0 */
/* The two ways of a packet hook that end with their descriptor: tcx links and XDP links. */
#ifndef WD_PROBE_HOOKS_LINK_H
#define WD_PROBE_HOOKS_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "probe/hooks_netlink.h"

/* A tcx link in front of the device's others: descriptor, or negative errno. -EINVAL,
 * -EOPNOTSUPP: this kernel has no tcx. */
int wd_link_tcx(int prog_fd, uint32_t ifindex, bool egress);

/* A generic XDP link. -EBUSY: a program is there already, or a setting of the device would
 * change; why says which. */
int wd_link_xdp(struct wd_netlink *n, int prog_fd, uint32_t ifindex, char *why, size_t size);

/* Whether its device is still there: a link outlives that, and does nothing then. */
bool wd_link_alive(int link_fd, uint32_t ifindex);

#endif
