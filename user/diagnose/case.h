/* SPDX-License-Identifier: Apache-2.0 */
/* One flow on the table: what the rules of this room look at and write to. */
#ifndef WD_DIAGNOSE_CASE_H
#define WD_DIAGNOSE_CASE_H

#include "diagnose/diagnose.h"
#include "diagnose/drop.h"

struct wd_case {
	const struct wd_diagnose_input *in;
	const struct wd_flow *flow;
	const struct wd_facts *facts;
	struct wd_arena *arena;
	struct wd_finding *f;
	/* The drop that explains most, and how often; NULL when nothing was dropped that could
	 * explain the outcome. */
	const struct wd_flow_drop *drop;
	unsigned int drop_index;
	enum wd_drop_class drop_class;
	uint64_t drop_count;
	char target[WD_ENDPOINT_STRLEN];
	char backend[WD_ENDPOINT_STRLEN]; /* where NAT sent it, else the target */
	const char *backend_name;         /* pod "ns/name", or the address */
};

/* A rule looks at one family of outcomes; true when it has named the cause. */
typedef bool (*wd_rule_fn)(struct wd_case *c);

void wd_case_answer(struct wd_case *c, enum wd_cause cause, enum wd_confidence confidence,
                    const char *fmt, ...) __attribute__((format(printf, 4, 5)));
void wd_case_evidence(struct wd_case *c, const char *kind, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
void wd_case_next(struct wd_case *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/* "SYN" or "datagram", "SYNs" or "datagrams", by protocol and number. */
const char *wd_case_packets(const struct wd_case *c, uint64_t n);
/* That no drop was seen means something: the probe is there, and fewer drop records were
 * lost than SYNs were sent. */
bool wd_case_absence_counts(const struct wd_case *c);
/* The same, and none was seen: only then may a text say so. */
bool wd_case_nothing_dropped(const struct wd_case *c);
/* The table has no way there, as far as it can tell: other tables may have one. */
bool wd_case_route_missing(const struct wd_route_fact *r);
/* Name of the backend's namespace, or words for it. */
const char *wd_case_backend_place(struct wd_case *c);
/* The answer for a drop of no better known kind. */
void wd_case_kernel_drop(struct wd_case *c);
/* "node", "pod ns/name", "netns x", "this node" for where drop i was. */
const char *wd_case_place(struct wd_case *c, unsigned int i);

/* parties.c: who they are by the stores, besides what the node itself knows; and what the cluster
 * says of the Service and its endpoints. */
void wd_case_name_parties(struct wd_case *c);
void wd_case_describe_cluster(struct wd_case *c);

/* where.c: what the packet hooks saw. */
/* The finding's path, and a line of evidence for each device that matters. */
void wd_where_describe(struct wd_case *c);
/* An answer came, and the client never got it. */
bool wd_where_answer_lost(struct wd_case *c);
/* The SYN was seen to leave this node, or to reach the backend's device. */
bool wd_where_got_there(struct wd_case *c);
/* It was not seen where it had to pass. */
bool wd_where_vanished(struct wd_case *c);
/* What refused it came by this device from elsewhere; NULL: that was not seen. */
const struct wd_flow_sight *wd_where_refused_from(struct wd_case *c, const char **ret_device);
/* The hooks would have decided here, and could not be had. */
bool wd_where_blind(const struct wd_case *c);

/* "node", "pod ns/name", "netns x", "this node" for the name of a namespace, NULL unknown. */
const char *wd_case_netns(struct wd_case *c, const char *name);
/* The verdict of a netfilter table on the packets that c->drop is about; NULL: not seen. */
const struct wd_flow_verdict *wd_case_verdict(const struct wd_case *c);
/* Where netfilter dropped c->drop: as the verdict says, else as its route and devices do. */
enum wd_hook wd_case_hook(const struct wd_case *c);
/* The backend's listener had no room. */
bool wd_case_accept_queue(struct wd_case *c);

/* rules_*.c */
bool wd_rule_connect_failed(struct wd_case *c);
bool wd_rule_dropped(struct wd_case *c);
bool wd_rule_refused(struct wd_case *c);
bool wd_rule_unreachable(struct wd_case *c);
bool wd_rule_established(struct wd_case *c);
bool wd_rule_unanswered(struct wd_case *c);

#endif
