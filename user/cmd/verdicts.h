/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When the verdict probes are attached: they run for each packet that netfilter sees, so only
 * while it drops packets of a target (or from the start, with --packets).
 */
#ifndef WD_CMD_VERDICTS_H
#define WD_CMD_VERDICTS_H

#include "cmd/cmd.h"
#include "model/event.h"
#include "probe/probe.h"

struct wd_verdicts {
	struct wd_probe *probe;
	enum wd_packets packets;
	bool wanted;       /* since the last run: netfilter dropped something */
	uint64_t until_ns; /* then they go */
	uint64_t retry_ns; /* after a refusal, not before */
};

void wd_verdicts_start(struct wd_verdicts *v, struct wd_probe *p, enum wd_packets packets,
                       uint64_t now_ns);
/* Every event. Only notes what is to be done. */
void wd_verdicts_event(struct wd_verdicts *v, const struct wd_event *e);
/* Does it; after the ring was read. */
void wd_verdicts_run(struct wd_verdicts *v, uint64_t now_ns);

#endif
