/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which way the packets should take: routes and the neighbour of the next hop, as the
 * tables say now. A second witness: see procroute.h for what these files leave out.
 */
#include "node/state.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/procfib.h"
#include "node/procnet.h"
#include "node/procroute.h"

#define ROUTE_FILE_MAX (4u << 20)
#define FIB_FILE_MAX   (8u << 20)
#define ARP_FILE_MAX   (1u << 20)

/* include/uapi/linux/if.h */
#define IFF_NOARP 0x80u

/* What stands behind a route without device: the trie has the type. */
static enum wd_route_kind kind_without_device(struct wd_node *n, int dir,
                                              const struct wd_addr *dest, bool other_tables)
{
	if (wd_node_read(n, dir, "net/fib_trie", FIB_FILE_MAX))
		return WD_ROUTE_UNKNOWN;
	switch (wd_procfib_main_type(n->buf.data, n->buf.len, ntohl(wd_addr_v4(dest)))) {
	case WD_FIB_BLACKHOLE:
	case WD_FIB_UNREACHABLE:
	case WD_FIB_PROHIBIT:
		return WD_ROUTE_REJECT;
	case WD_FIB_THROW:
		/* On with the next rule; without rules that is the end. */
		return other_tables ? WD_ROUTE_UNKNOWN : WD_ROUTE_NONE;
	default:
		return WD_ROUTE_UNKNOWN;
	}
}

/* Route of one namespace to dest. *via_unknown: there is a next hop we cannot see. */
static void route_read(struct wd_node *n, const struct wd_netns *ns, const struct wd_addr *dest,
                       struct wd_route_fact *ret, bool *via_unknown)
{
	bool v4 = wd_addr_is_v4(dest);
	int dir WD_AUTO_FD = wd_netns_open(&n->netnses, ns), r;
	struct wd_procroute route;

	*via_unknown = false;
	if (dir < 0 || !ns->addrs_read || wd_addr_is_any(dest) || wd_addr_is_multicast(dest))
		return;
	ret->other_tables = ns->other_tables;
	if (wd_netaddrs_has(&n->addrs, wd_node_index(n, ns), dest)) {
		ret->kind = WD_ROUTE_LOCAL;
		snprintf(ret->device, sizeof(ret->device), "lo");
		return;
	}
	r = wd_node_read(n, dir, v4 ? "net/route" : "net/ipv6_route", ROUTE_FILE_MAX);
	if (r < 0)
		return;
	if (v4)
		wd_procroute_lookup4(n->buf.data, n->buf.len, !r, dest, &route);
	else
		wd_procroute_lookup6(n->buf.data, n->buf.len, !r, dest, &route);
	if (route.no_device && route.fact.kind != WD_ROUTE_REJECT)
		route.fact.kind = kind_without_device(n, dir, dest, ns->other_tables);
	if (wd_procfs_netns(dir) != ns->ino)
		return;
	route.fact.other_tables = ns->other_tables;
	*ret = route.fact;
	*via_unknown = route.via_unknown;
}

/* Tunnels and the like have no neighbours: that there is no entry means nothing. */
static bool device_has_arp(const char *device)
{
	struct wd_span rest, line;
	char path[128], text[32];
	uint64_t flags;
	ssize_t len;
	int fd WD_AUTO_FD = -1;

	if (strchr(device, '/'))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/flags", device);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	len = fd >= 0 ? read(fd, text, sizeof(text)) : -1;
	if (len <= 0)
		return true;
	rest = wd_span(text, (size_t)len);
	return !wd_span_line(&rest, &line) || !wd_span_hex0x(&line, UINT32_MAX, &flags) ||
	       !(flags & IFF_NOARP);
}

static void neigh_facts(struct wd_node *n, const struct wd_node_question *q, struct wd_facts *ret)
{
	const struct wd_route_fact *route = &ret->node_route;
	int dir WD_AUTO_FD = -1, r;

	if (route->kind != WD_ROUTE_UNICAST || !strcmp(route->device, "lo"))
		return;
	ret->neigh.addr = route->has_via ? route->via : q->dest;
	memcpy(ret->neigh.device, route->device, sizeof(ret->neigh.device));
	dir = wd_netns_open(&n->netnses, q->own);
	r = dir < 0 ? dir : wd_node_read(n, dir, "net/arp", ARP_FILE_MAX);
	if (r < 0)
		return;
	ret->neigh.state =
		wd_procnet_arp(n->buf.data, n->buf.len, !r, &ret->neigh.addr, route->device);
	if (ret->neigh.state == WD_NEIGH_NONE && !device_has_arp(route->device))
		ret->neigh.state = WD_NEIGH_UNKNOWN;
}

void wd_node_way_facts(struct wd_node *n, struct wd_node_question *q, struct wd_facts *ret)
{
	bool via_unknown;

	if (q->client)
		route_read(n, q->client, &q->flow->tuple.daddr, &ret->client.route, &via_unknown);
	/* The node's own way to 127.0.0.1 says nothing about somebody else's. */
	if (!q->own || (wd_addr_is_loopback(&q->dest) && q->client != q->own))
		return;
	route_read(n, q->own, &q->dest, &ret->node_route, &via_unknown);
	if (!via_unknown)
		neigh_facts(n, q, ret);
}
