/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packet hooks where there is no tcx: direct-action BPF filters of a device's clsact qdisc.
 *
 * Filters outlive their process. So each bears the name "whydrop:<owner>", and its owner holds
 * the abstract Unix socket "@whydrop-hooks-<owner>" of the same network namespace for as long
 * as it lives, however it ends. A filter of that name whose socket is gone is a leftover.
 * Nobody else's filter is ever replaced, changed or deleted.
 *
 * The qdisc: where there was none, it is made, and the names of the filters in it say so
 * ("whydrop:<owner>:q"; other whydrops that join copy that). Whoever of them leaves last, or
 * clears up after the last, deletes it, if it is empty in both directions. That the kernel
 * cannot check and delete in one step leaves a race: a stranger who found our qdisc, did not
 * need to make one, and adds the first filter between the two steps, loses it. A few
 * microseconds, and only on devices that had no clsact before. In every doubt it stays.
 */
#ifndef WD_PROBE_HOOKS_CLSACT_H
#define WD_PROBE_HOOKS_CLSACT_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/hooks_netlink.h"

struct wd_clsact;

/* The netlink must outlive it. */
int wd_clsact_new(struct wd_netlink *n, struct wd_clsact **ret);
void wd_clsact_free(struct wd_clsact *c);
/* Both directions or nothing. why: what the kernel said, or who is in the way. */
int wd_clsact_attach(struct wd_clsact *c, uint32_t ifindex, int in_fd, int out_fd, char *why,
                     size_t size);
void wd_clsact_detach(struct wd_clsact *c, uint32_t ifindex);
/* Whether both filters are still there: others may remove the qdisc with all in it. 1, 0, or the
 * error of asking. */
int wd_clsact_attached(struct wd_clsact *c, uint32_t ifindex);
/* Removes what dead whydrops left on any device of this namespace; as far as it can. */
void wd_clsact_sweep(struct wd_clsact *c);

#endif
