/* SPDX-License-Identifier: Apache-2.0 */
#include "diagnose/drop.h"

#include <stddef.h>
#include <string.h>

struct named {
	const char *name;
	enum wd_drop_class class;
};

/* include/net/dropreason-core.h, without SKB_DROP_REASON_ */
static const struct named by_reason[] = {
	{"NETFILTER_DROP", WD_DROP_NETFILTER},
	{"TC_INGRESS", WD_DROP_BPF},
	{"TC_EGRESS", WD_DROP_BPF},
	{"XDP", WD_DROP_BPF},
	{"BPF_CGROUP_EGRESS", WD_DROP_BPF},
	{"IP_RPFILTER", WD_DROP_RPFILTER},
	{"IP_OUTNOROUTES", WD_DROP_NO_ROUTE},
	{"IP_INNOROUTES", WD_DROP_NO_ROUTE},
	{"IP_INADDRERRORS", WD_DROP_NO_ROUTE},
	{"NEIGH_FAILED", WD_DROP_NEIGHBOUR},
	{"NEIGH_CREATEFAIL", WD_DROP_NEIGHBOUR},
	{"NEIGH_QUEUEFULL", WD_DROP_NEIGHBOUR},
	{"NEIGH_DEAD", WD_DROP_NEIGHBOUR},
	{"PKT_TOO_BIG", WD_DROP_TOO_BIG},
	{"TCP_LISTEN_OVERFLOW", WD_DROP_ACCEPT_QUEUE},
	{"NO_SOCKET", WD_DROP_NO_SOCKET},
};

/* The kernel gives no reason (NOT_SPECIFIED, or no argument at all before 5.17): the
 * function that freed the packet tells where it was. */
static const struct named by_function[] = {
	{"nf_hook_slow", WD_DROP_NETFILTER},        {"nft_do_chain", WD_DROP_NETFILTER},
	{"neigh_invalidate", WD_DROP_NEIGHBOUR},    {"arp_error_report", WD_DROP_NEIGHBOUR},
	{"ndisc_error_report", WD_DROP_NEIGHBOUR},  {"__neigh_event_send", WD_DROP_NEIGHBOUR},
	{"neigh_timer_handler", WD_DROP_NEIGHBOUR}, {"ip_error", WD_DROP_NO_ROUTE},
	{"ip6_pkt_drop", WD_DROP_NO_ROUTE},         {"ip6_pkt_discard", WD_DROP_NO_ROUTE},
	{"ip6_pkt_discard_out", WD_DROP_NO_ROUTE},  {"ip6_pkt_prohibit", WD_DROP_NO_ROUTE},
	{"ip6_pkt_prohibit_out", WD_DROP_NO_ROUTE}, {"dst_discard_out", WD_DROP_NO_ROUTE},
	{"dst_discard", WD_DROP_NO_ROUTE},          {"tcp_v4_rcv", WD_DROP_NO_SOCKET},
	{"tcp_v6_rcv", WD_DROP_NO_SOCKET},
};

static enum wd_drop_class lookup(const struct named *t, size_t n, const char *name,
                                 enum wd_drop_class otherwise)
{
	for (size_t i = 0; name && i < n; i++)
		if (strcmp(t[i].name, name) == 0)
			return t[i].class;
	return otherwise;
}

enum wd_drop_class wd_drop_class(const struct wd_event_drop *d)
{
	enum wd_drop_class class;

	if (d->reason && strcmp(d->reason, "NOT_SPECIFIED") != 0)
		return lookup(by_reason, sizeof(by_reason) / sizeof(by_reason[0]), d->reason,
		              WD_DROP_OTHER);
	class = lookup(by_function, sizeof(by_function) / sizeof(by_function[0]), d->function,
	               WD_DROP_UNSPECIFIED);
	/* a kernel that has reasons and gives none here does not mean the one it has for this */
	return class == WD_DROP_NO_SOCKET && d->reason ? WD_DROP_UNSPECIFIED : class;
}
