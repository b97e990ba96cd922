/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet hooks must know of a device before they touch it. */
#ifndef WD_PROBE_HOOKS_DEVICE_H
#define WD_PROBE_HOOKS_DEVICE_H

#include <stdint.h>

#include "probe/hooks_netlink.h"

enum wd_framing {
	WD_FRAMING_ETHERNET,
	WD_FRAMING_BARE, /* no link-layer header: tun, WireGuard, IP in IP */
	WD_FRAMING_OTHER,
};

/* -ENODEV: there is none (any more). */
int wd_device_framing(struct wd_netlink *n, uint32_t ifindex, enum wd_framing *ret);

/*
 * Whether generic XDP would change a setting of this device, or of one below it: attaching
 * makes the kernel switch LRO and hardware GRO off. Returns 0 when not, -EBUSY with the
 * setting's name in why, or another negative errno: then nothing is known.
 */
int wd_device_xdp_harmless(struct wd_netlink *n, uint32_t ifindex, char *why, size_t size);

#endif
