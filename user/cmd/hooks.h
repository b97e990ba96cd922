/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When packet hooks are attached, and where.
 *
 * With --packets they are on every pod's and every outward device from the start. Else a
 * connection that repeats its SYN turns them on by itself, on the devices that its packets
 * should pass, and they go some time after nobody needs them any more.
 */
#ifndef WD_CMD_HOOKS_H
#define WD_CMD_HOOKS_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/cmd.h"
#include "flow/flow.h"
#include "model/facts.h"
#include "model/target.h"
#include "node/node.h"
#include "probe/probe.h"

struct wd_watch;

struct wd_watch_options {
	enum wd_packets packets;
	bool xdp;  /* with WD_PACKETS_ON: at XDP of what leads out of the node, too */
	bool snap; /* headers of the packets, too (--pcap) */
	struct wd_probe *probe;
	struct wd_flow_table *flows;
	struct wd_node *node;
	const struct wd_targets *targets;
};

int wd_watch_new(const struct wd_watch_options *o, struct wd_watch **ret);
void wd_watch_free(struct wd_watch *w);
/* With --packets: attaches to all devices. */
void wd_watch_start(struct wd_watch *w, uint64_t now_ns);
/* Every event, after the flow table has had it. Only notes what is to be done. */
void wd_watch_event(struct wd_watch *w, const struct wd_event *e);
/* Does it; after the ring was read. */
void wd_watch_run(struct wd_watch *w, uint64_t now_ns);
/* Once a second. */
void wd_watch_tick(struct wd_watch *w, uint64_t now_ns);
/* What could be seen of a flow. */
void wd_watch_describe(struct wd_watch *w, const struct wd_flow *f, uint64_t now_ns,
                       struct wd_watch_fact *ret);

#endif
