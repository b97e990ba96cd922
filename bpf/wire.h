/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the packet hooks (wire.bpf.c) and their owner (user/probe/hooks.c) share besides the
 * records of abi.h. */
#ifndef WD_WIRE_H
#define WD_WIRE_H

#include "bpf/abi.h"

/* An owner that was silent for longer is taken for dead: what it left does nothing. */
#define WD_WIRE_SILENCE_NS 5000000000ull

/* Records a second and CPU; a second is 2^30 ns here. */
#define WD_WIRE_RATE 4096

/* Packets of the targets, and what became of the records about them. */
struct wd_wire_count {
	__u64 seen;
	__u64 delivered;
	__u64 lost; /* no room in the ring, more than WD_WIRE_RATE, or the owner was silent */
};

#endif
