/* SPDX-License-Identifier: Apache-2.0 */
/* What the packet hooks say of one attempt, device by device. Used by where.c, which gathers it,
 * and rules_where.c, which concludes from it. */
#ifndef WD_DIAGNOSE_WHERE_H
#define WD_DIAGNOSE_WHERE_H

#include "diagnose/case.h"

#define WD_POSTS_MAX 16

struct wd_post {
	uint32_t ifindex;
	const char *name;
	const char *role; /* as in struct wd_finding_path */
	bool watched;
	bool outward, tunnel;  /* leads out of the node; inside other packets */
	bool foreign;          /* BPF programs of others are there, too */
	unsigned int expected; /* SYNs that were sent while it was watched */
	uint64_t watched_ms;   /* of the attempt's time */
	const struct wd_flow_sight *in, *out, *xdp; /* NULL: nothing was seen there */
};

struct wd_where {
	struct wd_post v[WD_POSTS_MAX];
	unsigned int n;
	struct wd_post *client, *backend, *uplink; /* NULL: there is none, or it is not known */
};

/* False when the hooks have nothing to do with this flow. */
bool wd_where_look(const struct wd_case *c, struct wd_where *w);
/* Some devices that saw packets found no room in the list. */
bool wd_where_cut(const struct wd_case *c);
/* What passes there is outside of the node, or comes from there. Other pods' devices are not: a
 * bridge floods what it has no port for. */
bool wd_post_is_outside(const struct wd_where *w, const struct wd_post *p);
/* What a device received: XDP stands before tc, and sees what is dropped between. */
const struct wd_flow_sight *wd_post_received(const struct wd_post *p);
/* Each may be given NULL: nothing was seen. */
uint32_t wd_sight_answers(const struct wd_flow_sight *s);
uint32_t wd_sight_syns(const struct wd_flow_sight *s);

/* Words: "SYN-ACK", "RST" or "ICMP error"; "12:04:31.2"; "pod shop/cart-0"; " as
 * 198.18.0.10:40000", where NAT has changed the source. */
const char *wd_where_answer_name(const struct wd_flow_sight *s);
const char *wd_where_clock(struct wd_case *c, uint64_t at_ns);
const char *wd_where_client(struct wd_case *c);
const char *wd_where_source(struct wd_case *c, const struct wd_flow_sight *s);

#endif
