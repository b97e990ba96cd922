/* SPDX-License-Identifier: Apache-2.0 */
/* The filters of a clsact qdisc, as values; and where among them a new one goes. */
#ifndef WD_PROBE_HOOKS_FILTER_H
#define WD_PROBE_HOOKS_FILTER_H

#include <stdbool.h>
#include <stdint.h>

#include "probe/hooks_netlink.h"

enum wd_direction {
	WD_DIRECTION_IN,
	WD_DIRECTION_OUT,
	WD_DIRECTION_MAX,
};

/* One filter, or (handle 0) a priority at which there are filters of a kind. */
struct wd_filter {
	uint32_t chain, handle;
	uint16_t priority;
	uint16_t protocol; /* EtherType */
	char kind[16];
	char name[64]; /* "" not a BPF filter, or longer */
};

#define WD_FILTERS_MAX 128

struct wd_filters {
	struct wd_filter f[WD_FILTERS_MAX];
	unsigned int n;
	bool more; /* ... than fit */
};

int wd_filters_list(struct wd_netlink *n, uint32_t ifindex, enum wd_direction d,
                    struct wd_filters *ret);

struct wd_filter_place {
	uint16_t priority;
	uint32_t handle;
};

/*
 * A free place in front of all others where there is one. At priority 1 that is a handle of
 * our own beside theirs (the kernel asks the newest of a priority first); if filters of
 * another kind are there, behind them. -ENOSPC: none, or too many filters to know.
 */
int wd_filter_place(const struct wd_filters *l, struct wd_filter_place *ret);

/* -EEXIST: the place was taken meanwhile. */
int wd_filter_add(struct wd_netlink *n, uint32_t ifindex, enum wd_direction d,
                  const struct wd_filter_place *at, int prog_fd, const char *name);
int wd_filter_delete(struct wd_netlink *n, uint32_t ifindex, enum wd_direction d,
                     const struct wd_filter *f);

/* Kind of the ingress qdisc of a device: "clsact", "ingress" (which sees one direction only),
 * or "" where there is none. */
int wd_qdisc_kind(struct wd_netlink *n, uint32_t ifindex, char kind[16]);
/* -EEXIST: there is one already. */
int wd_qdisc_add(struct wd_netlink *n, uint32_t ifindex);
/* Deletes it if nothing is in it; leaves it in every doubt. */
void wd_qdisc_delete_empty(struct wd_netlink *n, uint32_t ifindex);
/* Calls fn for each device that has a clsact qdisc. */
int wd_qdisc_each(struct wd_netlink *n, void (*fn)(uint32_t ifindex, void *ctx), void *ctx);

#endif
