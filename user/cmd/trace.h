/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of `whydrop trace`: trace.c runs the loop, trace_words.c says what there is to say. */
#ifndef WD_CMD_TRACE_H
#define WD_CMD_TRACE_H

#include "cmd/child.h"
#include "cmd/cluster.h"
#include "cmd/cmd.h"
#include "cmd/follow.h"
#include "cmd/hooks.h"
#include "cmd/judge.h"
#include "cmd/pcap.h"
#include "cmd/verdicts.h"
#include "flow/flow.h"
#include "node/host.h"
#include "output/output.h"

struct event;
struct event_base;

#define WD_TRACE_OUT_CAP (8u << 20)
/* How long the end waits for a reader that has stopped, and for its own last answers. */
#define WD_TRACE_LAST_WORDS_MS 150

struct wd_trace {
	const struct wd_options *o;
	struct wd_targets targets;
	struct wd_spec spec;
	struct wd_cluster *cluster;
	struct wd_follow *follow;
	struct wd_host host;
	struct event_base *loop;
	struct event *timers[2], *signals[3], *stop, *again;
	struct wd_probe *probe;
	struct wd_flow_table *flows;
	struct wd_judge *judge;
	struct wd_watch *watch;
	struct wd_verdicts verdicts;
	struct wd_pcap *pcap; /* NULL: not asked for */
	struct wd_fold *fold;
	struct wd_buf out;
	struct wd_text_style style;
	struct wd_child child;
	uint64_t started_ns;
	uint64_t findings;
	unsigned int ticks;
	const char *why;
	bool out_gone, out_lost;
	bool command_failed;
};

uint64_t wd_trace_wall(uint64_t mono_ns);
/*
 * Writes what stdout takes within `wait_ms`, and keeps the rest: a reader that has stopped must
 * stop neither the ring nor a signal.
 */
void wd_trace_flush_within(struct wd_trace *t, int wait_ms);
void wd_trace_flush(struct wd_trace *t);
void wd_trace_stats(struct wd_trace *t, struct wd_stats *s);
/* Width and colour of the terminal, if it is one. */
void wd_trace_style(struct wd_trace *t);
void wd_trace_say_start(struct wd_trace *t);
void wd_trace_say_end(struct wd_trace *t);

#endif
