/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet hooks: programs on devices of this process's network namespace that see the
 * packets that open, refuse and end connections of the targets go by.
 *
 * None is attached until asked for: whydrop runs nothing per packet by default. They see
 * SYN, RST, FIN, ICMP errors and DNS, always let the packet pass on to whoever comes next,
 * and never replace, remove or shadow a program of somebody else. tcx links (6.6 and
 * later) and XDP links end with this process; where only a clsact filter is possible, its
 * leftovers are removed by the next start, if their owner is dead.
 *
 * What they see arrives as WD_EVENT_PACKET through wd_probe_poll().
 */
#ifndef WD_PROBE_HOOKS_H
#define WD_PROBE_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "model/tuple.h"
#include "probe/probe.h"

enum wd_hook_way {
	WD_HOOK_TCX,
	WD_HOOK_CLSACT,
	WD_HOOK_XDP, /* generic mode, besides one of the other two */
	WD_HOOK_WAY_MAX,
};

struct wd_hooks;

struct wd_hooks_options {
	bool snap;   /* WD_EVENT_SNAP besides, for --pcap */
	bool forced; /* tests: only this way (XDP: without tc) */
	enum wd_hook_way way;
};

/* The probe must outlive it: its ring and its target maps are shared. Loads nothing yet, but
 * removes the filters that dead whydrops left on devices of this network namespace. */
int wd_hooks_new(struct wd_probe *p, const struct wd_hooks_options *o, struct wd_hooks **ret);
/* Detaches all. */
void wd_hooks_free(struct wd_hooks *h);
/*
 * Watches a device, both directions; xdp: also in front of everything, if no program is
 * there and attaching would change no setting of the device. Generic XDP is not for free: the
 * kernel copies each packet that is shared or lies in pieces (whatever GRO put together), and
 * drops it if there is no memory for that. So only where a user asked for it. Idempotent. Returns 0
 * or a negative errno with the kernel's answer in err; *ret_way says how (may be NULL). After 0,
 * err is empty, or says why XDP was asked for and is not there.
 *
 * -EOPNOTSUPP: a kind of device whose frames are not understood; -EBUSY: somebody else's
 * qdisc is in the place of clsact; -ENODEV: the device is gone.
 */
int wd_hooks_attach(struct wd_hooks *h, uint32_t ifindex, bool xdp, enum wd_hook_way *ret_way,
                    char err[WD_PROBE_ERRLEN]);
/* Devices that are gone are forgotten by themselves, at the next heartbeat. */
void wd_hooks_detach(struct wd_hooks *h, uint32_t ifindex);
/* Asks the kernel whether the hooks of this device are still there: others may have removed them,
 * with the qdisc that they were in. What is not is forgotten, and may be attached anew. */
bool wd_hooks_alive(struct wd_hooks *h, uint32_t ifindex);
bool wd_hooks_attached_xdp(const struct wd_hooks *h, uint32_t ifindex);
/* Packets of this tuple, in both directions, are of a target though their addresses are
 * not: what NAT made of a connection. The oldest are forgotten. Needed only where conntrack
 * cannot be read from a hook (its kernel module tells no types, or may not be asked for them):
 * elsewhere the hooks find out
 * by themselves, and answers bear the conntrack tuples of what they answer. */
int wd_hooks_watch(struct wd_hooks *h, const struct wd_tuple *t);
/* Call about once a second: programs whose owner is gone do nothing (the filters of a
 * killed process stay where only clsact is possible). */
void wd_hooks_heartbeat(struct wd_hooks *h, uint64_t now_ns);
/* Packets of targets seen, records delivered, records lost (no room in the ring, more than
 * 4096 a second and CPU, or no heartbeat for 5 s); a snap is a record of its own. */
struct wd_hooks_counts {
	uint64_t seen, delivered, lost;
};
struct wd_hooks_counts wd_hooks_counts(const struct wd_hooks *h);
/* Tries a way on a device for `whydrop probes`; attaches and takes it back, a clsact qdisc
 * that it had to make too. */
int wd_hooks_trial(struct wd_hooks *h, uint32_t ifindex, enum wd_hook_way way,
                   char err[WD_PROBE_ERRLEN]);
const char *wd_hook_way_name(enum wd_hook_way w);

#endif
