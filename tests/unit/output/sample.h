/* SPDX-License-Identifier: Apache-2.0 */
/* A finding with everything in it, for the tests of this room. */
#ifndef WD_TESTS_OUTPUT_SAMPLE_H
#define WD_TESTS_OUTPUT_SAMPLE_H

#include <errno.h>
#include <stdlib.h>

#include "output/output.h"

static inline struct wd_addr sample_addr(const char *s)
{
	struct wd_addr a = {0};

	if (wd_addr_parse(s, &a))
		abort();
	return a;
}

static inline struct wd_finding sample_finding(void)
{
	return (struct wd_finding){
		.id = 0x1f,
		.final = true,
		.wall_ns = 1795349071218000000ull, /* 2026-11-22T12:04:31.218Z */
		.cause = WD_CAUSE_FILTER_DENIED,
		.confidence = WD_CONFIDENCE_CERTAIN,
		.outcome = WD_OUTCOME_UNANSWERED,
		.summary = "a netfilter rule of this node drops what shop/cart-0 sends to "
			   "10.244.0.20:8443",
		.where = "this node, forward hook, in from veth3a1f",
		.next = {"iptables-save -c: find the rule whose counter grows", "ask who owns it"},
		.n_next = 2,
		.proto = WD_PROTO_TCP,
		.client = {.ip = sample_addr("10.244.0.5"),
	                   .port = 41234,
	                   .host_known = true,
	                   .pod = {"shop", "cart-0"},
	                   .netns = "cni-7d1f",
	                   .pid = 4711,
	                   .comm = "curl"},
		.target = {sample_addr("10.96.156.220"), 443},
		.backend = {true, sample_addr("10.244.0.20"), 8443, {"payments", "api-1"}},
		.attempts = 3,
		.elapsed_ms = 3120,
		.err = ETIMEDOUT,
		.drop = {true, "NETFILTER_DROP", "nf_hook_slow", "forward", "veth3a1f", "node", 3},
		.evidence = {{"event", "3 SYN in 3.1 s, none answered"},
	                     {"drop", "all 3 dropped in nf_hook_slow"},
	                     {"missing", "rule counters: iptables-save is not installed"}},
		.n_evidence = 3,
	};
}

#endif
