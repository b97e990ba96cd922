/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The connection table: events to attempts and their outcomes.
 *
 * Pure: no I/O, no clock of its own; time is what events and the caller bring
 * (CLOCK_MONOTONIC nanoseconds). One attempt is one connect(2), with all its
 * retries; drops, resets and repeated SYN-ACKs are joined to it by tuple, through
 * conntrack's original tuple where NAT changed the packet. What comes before its
 * attempt is known waits, for a bounded time and in bounded number.
 *
 * The table owns its flows. Memory is capped: beyond the cap the oldest is
 * forgotten and counted.
 */
#ifndef WD_FLOW_FLOW_H
#define WD_FLOW_FLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "model/event.h"
#include "model/flow.h"
#include "model/target.h"

struct wd_flow_table;

struct wd_flow_options {
	const struct wd_targets *targets; /* tells the direction of a packet; kept, not owned */
	unsigned int max_flows;           /* 0: default */
	unsigned int max_waiting;         /* events that wait for their attempt; 0: default */
	/* Told of each drop (event.drop.key) that waited in vain and is forgotten, so that its
	 * owner can forget it too: a later one must come as a new event. May be NULL. */
	void (*forget)(uint64_t drop_key, void *ctx);
	void *ctx;
};

int wd_flow_table_new(const struct wd_flow_options *o, struct wd_flow_table **ret);
void wd_flow_table_free(struct wd_flow_table *t);

/* Never fails: what finds no room is counted as evicted. */
void wd_flow_table_event(struct wd_flow_table *t, const struct wd_event *e);

/*
 * The next attempt about which something is to be said at `now_ns`, or NULL. *ret_final
 * is false for the first word on an attempt that goes on (about 1 s after its first SYN),
 * true for the last one. Valid until the next call into the table. The caller refreshes
 * drop counts with wd_flow_table_drop_count() before it judges.
 */
struct wd_flow *wd_flow_table_due(struct wd_flow_table *t, uint64_t now_ns, bool *ret_final);
/* An attempt that goes on, by its socket; NULL: none is known. Valid until the next call. */
struct wd_flow *wd_flow_table_by_sock(struct wd_flow_table *t, uint64_t sock);
/* More was found out about an unanswered attempt that goes on: another word is due then. */
void wd_flow_table_again(struct wd_flow_table *t, struct wd_flow *f, uint64_t at_ns);
/* What connection tracking says of an attempt: how its answers look before NAT is undone.
 * Packets that bear the translated tuple are its own from now on. */
void wd_flow_table_nat(struct wd_flow_table *t, struct wd_flow *f, const struct wd_tuple *reply);
/* When wd_flow_table_due() next has something, UINT64_MAX for never. */
uint64_t wd_flow_table_next_ns(const struct wd_flow_table *t);
/* The kernel's present count of one of the flow's drops. */
void wd_flow_drop_update(struct wd_flow *f, unsigned int i, uint64_t count, uint64_t last_ns);

/* Can this drop be why the attempt had no answer? Its SYN (or datagram) or the answer to it;
 * not what came after the client had gone. */
bool wd_flow_drop_silences(const struct wd_flow *f, const struct wd_event_drop *d, bool reply);

/* The end of the trace: every attempt that is still unanswered becomes due as final. */
void wd_flow_table_finish(struct wd_flow_table *t, uint64_t now_ns);

struct wd_flow_counts {
	unsigned int flows, waiting;
	uint64_t flows_evicted, waiting_evicted;
};

struct wd_flow_counts wd_flow_table_counts(const struct wd_flow_table *t);

#endif
