/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From evidence to a cause: the catalogue.
 *
 * Pure. What is not known is said, and lowers the confidence: `certain` takes two
 * witnesses of different kinds, `likely` one with nothing against it, `possible` is
 * deduced from state alone, and where a probe is missing or events were lost, absence
 * proves nothing and the cause is `unknown`.
 */
#ifndef WD_DIAGNOSE_DIAGNOSE_H
#define WD_DIAGNOSE_DIAGNOSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "model/facts.h"
#include "model/finding.h"
#include "model/flow.h"
#include "model/who.h"

struct wd_diagnose_input {
	const struct wd_flow *flow;
	const struct wd_facts *facts;
	bool final;
	uint64_t now_ns;
	int64_t wall_offset_ns; /* added to monotonic times */
	uint64_t lost_events;   /* of any kind, since the attempt began */
	uint64_t lost_drops;    /* drops among them, as far as can be told */
	const char *missing_probes[WD_FINDING_MISSING_MAX];
	unsigned int n_missing_probes;
	bool sees_drops;  /* the kfree_skb probe is attached */
	bool sees_resets; /* the tcp_receive_reset probe is attached */
	/* Names of the probe points that would have told more and are not to be had here: who in
	 * netfilter dropped, whose queue was full. NULL: they are. */
	const char *blind_verdicts, *blind_listen;
	/* Name of the namespace of flow->icmp_sent; NULL unknown. */
	const char *icmp_netns;
	/* What the packet hooks could see; NULL: nobody asked them. */
	const struct wd_watch_fact *watch;
	/* Who stands behind the addresses; NULL: nobody was asked. */
	const struct wd_who *who;
	/* whydrop's own trouble with the API server, in a sentence; NULL none. */
	const char *api_trouble;
	/* Names of the namespaces of flow->drops[i]; NULL unknown. */
	const char *drop_netns[WD_FLOW_DROPS_MAX];
};

/* Fills *ret; its texts live in `a`, which is reset first. */
void wd_diagnose(const struct wd_diagnose_input *in, struct wd_arena *a, struct wd_finding *ret);

/* "ECONNREFUSED", or "errno 123". Static or in `a`. */
const char *wd_errno_name(struct wd_arena *a, int err);

#endif
