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

/* rules_*.c */
bool wd_rule_connect_failed(struct wd_case *c);
bool wd_rule_dropped(struct wd_case *c);
bool wd_rule_refused(struct wd_case *c);
bool wd_rule_unreachable(struct wd_case *c);
bool wd_rule_established(struct wd_case *c);
bool wd_rule_unanswered(struct wd_case *c);

#endif
