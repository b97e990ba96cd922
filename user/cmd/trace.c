/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `whydrop trace`: live answers. One event loop; the ring is polled, never waited for,
 * so that the traced paths never have to wake this process.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"
#include "cmd/memory.h"
#include "cmd/trace.h"

/* 20 wake-ups a second, whatever the event rate; half as many while nothing happens. */
#define POLL_MS      50
#define POLL_IDLE_MS 100
/* Records taken in one go; between two goes signals and timers have their turn. */
#define POLL_RECORDS      8192
#define TICK_MS           1000
#define STATS_EVERY_TICKS 60
/* After the reproducer has ended: late drops and errors are still on their way. */
#define SETTLE_MS 300
/* Answers of one go; then the ring, signals and timers have their turn. */
#define ANSWER_MS 25

/* ---- events --------------------------------------------------------------------------- */

static void on_probe_event(const struct wd_event *e, void *ctx)
{
	struct wd_trace *t = ctx;

	if (e->kind == WD_EVENT_SNAP) {
		wd_pcap_packet(t->pcap, e);
		return;
	}
	wd_flow_table_event(t->flows, e);
	wd_watch_event(t->watch, e);
	wd_verdicts_event(&t->verdicts, e);
}

static void forget_drop(uint64_t key, void *ctx)
{
	struct wd_trace *t = ctx;

	wd_probe_drop_forget(t->probe, key);
}

static void answer(struct wd_trace *t, struct wd_flow *f, bool final, uint64_t now)
{
	struct wd_finding finding;
	bool tell = wd_judge(t->judge, f, final, now, &finding);

	for (unsigned int i = 0; final && i < f->n_drops; i++)
		wd_probe_drop_forget(t->probe, f->drops[i].d.key);
	if (!tell)
		return;
	wd_pcap_finding(t->pcap, &finding);
	t->findings += final || f->outcome != WD_OUTCOME_NONE;
	if (t->o->format == WD_FORMAT_JSON)
		wd_json_finding(&t->out, &finding, t->host.name);
	else
		wd_fold_finding(t->fold, &t->out, &finding, &t->style, now);
	if (t->out.len > WD_TRACE_OUT_CAP / 2)
		wd_trace_flush(t);
}

/* False when the time was over before all was said. */
static bool answer_due(struct wd_trace *t, uint64_t now, uint64_t within_ms)
{
	uint64_t end = now + within_ms * WD_NSEC_PER_MSEC;
	struct wd_flow *f;
	bool final, all = true;

	while (!t->out_gone && all && (f = wd_flow_table_due(t->flows, now, &final))) {
		answer(t, f, final, now);
		all = wd_clock_monotonic_ns() < end;
	}
	wd_trace_flush(t);
	return all;
}

static void stop(struct wd_trace *t, const char *why)
{
	if (!t->why)
		t->why = why;
	event_base_loopbreak(t->loop);
}

/* Starts the reproducer as soon as it is known what to trace; false when it cannot be run. */
static bool run_command(struct wd_trace *t)
{
	int r;

	if (!t->o->command || t->child.pid || t->child.ended ||
	    !wd_follow_ready(t->follow, wd_clock_monotonic_ns()))
		return true;
	r = wd_child_start(&t->child, t->o->command);
	if (r == 0)
		return true;
	wd_complain("trace: cannot run '%s': %s", t->o->command[0], strerror(-r));
	t->command_failed = true;
	return false;
}

static void on_poll(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval busy = {0, POLL_MS * 1000}, idle = {0, POLL_IDLE_MS * 1000};
	struct wd_trace *t = ctx;
	int n = wd_probe_poll(t->probe, POLL_RECORDS, on_probe_event, t);
	bool all;

	(void)fd;
	(void)what;
	if (n < 0)
		wd_complain("ring buffer: %s", strerror(-n));
	wd_watch_run(t->watch, wd_clock_monotonic_ns());
	wd_verdicts_run(&t->verdicts, wd_clock_monotonic_ns());
	wd_follow_run(t->follow, wd_clock_monotonic_ns());
	if (!run_command(t)) {
		stop(t, "command failed");
		return;
	}
	all = answer_due(t, wd_clock_monotonic_ns(), ANSWER_MS);
	event_add(t->timers[0], n > 0 ? &busy : &idle);
	if (n == POLL_RECORDS || !all)
		event_active(t->again, EV_TIMEOUT, 0);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_trace *t = ctx;
	uint64_t now = wd_clock_monotonic_ns();
	struct wd_stats s;

	(void)fd;
	(void)what;
	wd_probe_maintain(t->probe, now);
	wd_judge_tick(t->judge, now);
	wd_cluster_tick(t->cluster, now);
	wd_watch_tick(t->watch, now);
	wd_pcap_flush(t->pcap);
	if (t->o->format == WD_FORMAT_TEXT)
		wd_fold_tick(t->fold, &t->out, &t->style, now);
	if (++t->ticks % STATS_EVERY_TICKS == 0 && t->o->format == WD_FORMAT_JSON) {
		wd_trace_stats(t, &s);
		wd_json_stats(&t->out, &s, wd_trace_wall(now), t->host.name);
	}
	wd_trace_flush(t);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_trace *t = ctx;

	(void)fd;
	(void)what;
	stop(t, t->child.ended ? "command ended" : "duration over");
}

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct wd_trace *t = ctx;

	(void)what;
	if (sig == SIGCHLD) {
		if (wd_child_reap(&t->child)) {
			struct timeval settle = {0, SETTLE_MS * 1000};

			event_add(t->stop, &settle);
		}
		return;
	}
	stop(t, sig == SIGINT ? "interrupted" : "terminated");
}

/* ---- start and end ---------------------------------------------------------------------- */

static int set_up_loop(struct wd_trace *t)
{
	static const int sigs[3] = {SIGINT, SIGTERM, SIGCHLD};
	struct event_config *config = event_config_new();
	const struct timeval poll = {0, POLL_MS * 1000}, tick = {TICK_MS / 1000, 0};
	int r = -ENOMEM;

	if (!config)
		return r;
	t->loop = event_base_new_with_config(config);
	event_config_free(config);
	if (!t->loop)
		return r;
	t->timers[0] = event_new(t->loop, -1, 0, on_poll, t);
	t->timers[1] = event_new(t->loop, -1, EV_PERSIST, on_tick, t);
	t->again = event_new(t->loop, -1, 0, on_poll, t);
	t->stop = event_new(t->loop, -1, 0, on_stop_timer, t);
	if (!t->timers[0] || !t->timers[1] || !t->again || !t->stop)
		return r;
	if (event_add(t->timers[0], &poll) < 0 || event_add(t->timers[1], &tick) < 0)
		return r;
	for (unsigned int i = 0; i < 3; i++) {
		t->signals[i] = evsignal_new(t->loop, sigs[i], on_signal, t);
		if (!t->signals[i] || event_add(t->signals[i], NULL) < 0)
			return r;
	}
	return 0;
}

/* The time that the user asked for begins when all is attached. */
static void start_clock(struct wd_trace *t)
{
	struct timeval d = {(time_t)(t->o->duration_ns / WD_NSEC_PER_SEC),
	                    (suseconds_t)(t->o->duration_ns % WD_NSEC_PER_SEC / 1000)};

	t->started_ns = wd_clock_monotonic_ns();
	/* libevent counts from a time that it may have read before the probes were loaded */
	event_base_update_cache_time(t->loop);
	if (t->o->duration_ns)
		event_add(t->stop, &d);
}

static int set_up_probe(struct wd_trace *t)
{
	struct wd_probe_options po = {.targets = &t->targets, .snap = t->pcap != NULL};
	char err[WD_PROBE_ERRLEN];
	int r;

	memcpy(po.forced, t->o->forced, sizeof(po.forced));
	memcpy(po.force, t->o->force, sizeof(po.force));
	r = wd_probe_open(&po, &t->probe, err);
	if (r < 0)
		wd_complain("cannot trace here: %s", err[0] ? err : strerror(-r));
	return r;
}

static int set_up_watch(struct wd_trace *t)
{
	struct wd_watch_options wo = {
		/* without a drop of this node, only packet hooks see a connection's packets */
		.packets = t->pcap && t->o->packets == WD_PACKETS_AUTO ? WD_PACKETS_ON
	                                                               : t->o->packets,
		/* it keeps others from attaching theirs: only if the user said so */
		.xdp = t->o->packets == WD_PACKETS_ON,
		.snap = t->pcap != NULL,
		.probe = t->probe,
		.flows = t->flows,
		.node = wd_judge_node(t->judge),
		.targets = &t->targets,
	};
	int r = wd_watch_new(&wo, &t->watch);

	if (r < 0)
		return r;
	wd_judge_watch(t->judge, t->watch);
	wd_watch_start(t->watch, wd_clock_monotonic_ns());
	wd_verdicts_start(&t->verdicts, t->probe, wo.packets, wd_clock_monotonic_ns());
	return 0;
}

static int check_usage(struct wd_trace *t)
{
	const struct wd_options *o = t->o;
	const char *word, *why;

	if (o->no_api + (o->kubeconfig != NULL) + (o->snapshot != NULL) > 1) {
		wd_complain("trace: of --no-api, --kubeconfig and --snapshot only one");
		return WD_EXIT_USAGE;
	}
	if (wd_spec_parse(&t->spec, &t->targets, o->words, o->n_words, &word, &why) < 0) {
		wd_complain("trace: target '%s': %s", word, why);
		return WD_EXIT_USAGE;
	}
	return WD_EXIT_OK;
}

static int set_up_cluster(struct wd_trace *t)
{
	struct wd_cluster_options co = {
		.loop = t->loop,
		.host_root = t->o->host_root,
		.node = t->host.name,
		.kubeconfig = t->o->kubeconfig,
		.state = t->o->state,
		.snapshot = t->o->snapshot,
		.no_api = t->o->no_api,
	};
	int r = wd_cluster_new(&co, &t->cluster);

	if (r == -EINVAL)
		return WD_EXIT_USAGE; /* it has been said */
	if (r == 0)
		r = wd_follow_new(&t->spec, &t->targets, t->cluster, &t->follow);
	if (r < 0)
		wd_complain("trace: %s", strerror(-r));
	return r < 0 ? WD_EXIT_CANNOT : WD_EXIT_OK;
}

static void release(struct wd_trace *t)
{
	struct event *const all[] = {t->timers[0],  t->timers[1], t->signals[0], t->signals[1],
	                             t->signals[2], t->stop,      t->again};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			event_free(all[i]);
	wd_follow_free(t->follow);
	wd_cluster_free(t->cluster);
	wd_spec_release(&t->spec);
	if (t->loop)
		event_base_free(t->loop);
	wd_watch_free(t->watch);
	wd_pcap_close(t->pcap);
	wd_probe_close(t->probe);
	wd_judge_free(t->judge);
	wd_flow_table_free(t->flows);
	wd_fold_free(t->fold);
	wd_buf_release(&t->out);
}

static int set_up(struct wd_trace *t)
{
	struct wd_flow_options fo = {.targets = &t->targets, .forget = forget_drop, .ctx = t};
	int r;

	wd_buf_init(&t->out, WD_TRACE_OUT_CAP);
	wd_trace_style(t);
	r = wd_host_read(t->o->node, &t->host);
	if (r < 0) {
		wd_complain("trace: name of the node: %s", strerror(-r));
		return r;
	}
	r = wd_flow_table_new(&fo, &t->flows);
	/* programs fold for themselves */
	if (r == 0 && t->o->format == WD_FORMAT_TEXT)
		r = wd_fold_new(NULL, &t->fold);
	if (r == 0)
		r = set_up_loop(t);
	if (r < 0)
		wd_complain("trace: %s", strerror(-r));
	else if (t->o->pcap)
		r = wd_pcap_open(t->o->pcap, t->host.kernel, &t->pcap);
	return r;
}

/* What is in the ring, and what is still open, gets its last word. */
static void finish(struct wd_trace *t)
{
	for (unsigned int i = 0; i < 64; i++)
		if (wd_probe_poll(t->probe, POLL_RECORDS, on_probe_event, t) < POLL_RECORDS)
			break;
	wd_flow_table_finish(t->flows, wd_clock_monotonic_ns());
	if (!answer_due(t, wd_clock_monotonic_ns(), WD_TRACE_LAST_WORDS_MS))
		wd_complain("trace: too many open attempts to answer them all at the end");
	wd_trace_say_end(t);
	wd_pcap_finish(t->pcap);
}

static int run(const struct wd_options *o)
{
	struct wd_trace *t = calloc(1, sizeof(*t));
	int status = WD_EXIT_CANNOT, r;

	if (!t) {
		wd_complain("trace: %s", strerror(ENOMEM));
		return status;
	}
	t->o = o;
	status = check_usage(t);
	if (status != WD_EXIT_OK) {
		free(t);
		return status;
	}
	status = WD_EXIT_CANNOT;
	if (wd_privileges_complain() || set_up(t) < 0)
		goto out;
	status = set_up_cluster(t);
	if (status != WD_EXIT_OK)
		goto out;
	status = WD_EXIT_CANNOT;
	if (set_up_probe(t) < 0)
		goto out;
	r = wd_judge_new(o->host_root, &t->targets, t->probe, t->flows, &t->judge);
	if (r < 0) {
		wd_complain("trace: %s", strerror(-r));
		goto out;
	}
	r = set_up_watch(t);
	if (r < 0) {
		wd_complain("trace: %s", strerror(-r));
		goto out;
	}
	wd_judge_cluster(t->judge, t->cluster);
	wd_follow_probe(t->follow, t->probe);
	start_clock(t);
	wd_judge_tick(t->judge, t->started_ns);
	wd_trace_say_start(t);
	/* what loading the programs took */
	wd_memory_trim();
	wd_cluster_start(t->cluster, t->started_ns);
	if (!run_command(t)) {
		status = WD_EXIT_USAGE;
		goto out;
	}
	event_base_dispatch(t->loop);
	if (t->command_failed) {
		status = WD_EXIT_USAGE;
		goto out;
	}
	wd_child_stop(&t->child);
	finish(t);
	wd_child_report(&t->child, o->command);
	status = o->fail_on_finding && t->findings ? WD_EXIT_FINDING : WD_EXIT_OK;
out:
	release(t);
	free(t);
	return status;
}

static const char details[] =
	"Prints one finding for each connection that fails or stalls, until Ctrl-C,\n"
	"the end of --duration, or the end of CMD (a reproducer; its output goes to\n"
	"stderr). Findings go to stdout, everything else to stderr.\n\n"
	"TARGET: 'api' (the API server), 'services' (every Service and its backends),\n"
	"'dns', which three are the default; svc/NAMESPACE/NAME, pod/NAMESPACE/NAME;\n"
	"an address or prefix, with or without port (10.0.0.1, 10.0.0.1:443,\n"
	"10.96.0.0/12, 10.96.0.0/12:443, fd00::/64, [fd00::1]:443); or 'all'.";

const struct wd_command wd_cmd_trace = {
	.name = "trace",
	.synopsis = "[TARGET]... [options] [-- CMD [ARG]...]",
	.summary = "live: why each failing connection to the targets fails",
	.details = details,
	.options = WD_OPT_OUTPUT | WD_OPT_NODE | WD_OPT_DURATION | WD_OPT_FAIL | WD_OPT_FORCE |
                   WD_OPT_PACKETS | WD_OPT_PCAP | WD_OPT_CLUSTER | WD_OPT_COMMAND,
	.run = run,
};
