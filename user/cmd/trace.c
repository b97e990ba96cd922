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
#include "cmd/child.h"
#include "cmd/cmd.h"
#include "cmd/hooks.h"
#include "cmd/judge.h"
#include "cmd/verdicts.h"
#include "cmd/pcap.h"
#include "flow/flow.h"
#include "node/host.h"
#include "output/output.h"

/* 20 wake-ups a second, whatever the event rate; half as many while nothing happens. */
#define POLL_MS      50
#define POLL_IDLE_MS 100
/* Records taken in one go; between two goes signals and timers have their turn. */
#define POLL_RECORDS      8192
#define TICK_MS           1000
#define STATS_EVERY_TICKS 60
/* After the reproducer has ended: late drops and errors are still on their way. */
#define SETTLE_MS 300
#define OUT_CAP   (8u << 20)
/* How long the end waits for a reader that has stopped, and for its own last answers. */
#define LAST_WORDS_MS 150
/* Answers of one go; then the ring, signals and timers have their turn. */
#define ANSWER_MS 25

struct trace {
	const struct wd_options *o;
	struct wd_targets targets;
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
};

static uint64_t wall_now(uint64_t mono_ns)
{
	return (uint64_t)((int64_t)mono_ns + wd_clock_wall_offset_ns());
}

/* ---- writing ------------------------------------------------------------------------ */

static void output_gone(struct trace *t)
{
	/* nobody reads any more: the end of our job, not an error */
	t->out_gone = true;
	t->why = "output closed";
	event_base_loopbreak(t->loop);
}

/*
 * Writes what stdout takes within `wait_ms`, and keeps the rest: a reader that has stopped
 * must stop neither the ring nor a signal. poll(2) promises room for PIPE_BUF bytes of a
 * pipe, so that writes of no more do not block.
 */
static void flush_within(struct trace *t, int wait_ms)
{
	struct pollfd p = {.fd = STDOUT_FILENO, .events = POLLOUT};
	size_t done = 0;

	if (t->out.err) {
		if (!t->out_lost)
			wd_complain("output: %s: findings are lost", strerror(-t->out.err));
		t->out_lost = true;
		t->out.err = 0;
	}
	while (done < t->out.len && !t->out_gone) {
		size_t left = t->out.len - done;
		ssize_t n;

		if (poll(&p, 1, wait_ms) <= 0)
			break;
		n = write(STDOUT_FILENO, t->out.data + done, left < PIPE_BUF ? left : PIPE_BUF);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			output_gone(t);
		else
			done += (size_t)n;
	}
	if (t->out_gone)
		done = t->out.len;
	if (done) {
		memmove(t->out.data, t->out.data + done, t->out.len - done);
		t->out.len -= done;
	}
}

static void flush(struct trace *t)
{
	if (t->out.len || t->out.err)
		flush_within(t, 0);
}

/* For what people are told besides: the start and the summary. */
static void to_stderr(struct wd_buf *b)
{
	if (b->len)
		fwrite(b->data, 1, b->len, stderr);
	wd_buf_reset(b);
}

static void read_stats(struct trace *t, struct wd_stats *s)
{
	struct wd_flow_counts c = wd_flow_table_counts(t->flows);

	memset(s, 0, sizeof(*s));
	wd_probe_stats(t->probe, s);
	s->flows_evicted = c.flows_evicted;
	s->drops_unowned_evicted = c.waiting_evicted;
	s->findings = t->findings;
	if (t->fold)
		s->findings_folded = wd_fold_stats(t->fold)->folded;
}

/* ---- events --------------------------------------------------------------------------- */

static void on_probe_event(const struct wd_event *e, void *ctx)
{
	struct trace *t = ctx;

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
	struct trace *t = ctx;

	wd_probe_drop_forget(t->probe, key);
}

static void answer(struct trace *t, struct wd_flow *f, bool final, uint64_t now)
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
	if (t->out.len > OUT_CAP / 2)
		flush(t);
}

/* False when the time was over before all was said. */
static bool answer_due(struct trace *t, uint64_t now, uint64_t within_ms)
{
	uint64_t end = now + within_ms * WD_NSEC_PER_MSEC;
	struct wd_flow *f;
	bool final, all = true;

	while (!t->out_gone && all && (f = wd_flow_table_due(t->flows, now, &final))) {
		answer(t, f, final, now);
		all = wd_clock_monotonic_ns() < end;
	}
	flush(t);
	return all;
}

static void on_poll(evutil_socket_t fd, short what, void *ctx)
{
	static const struct timeval busy = {0, POLL_MS * 1000}, idle = {0, POLL_IDLE_MS * 1000};
	struct trace *t = ctx;
	int n = wd_probe_poll(t->probe, POLL_RECORDS, on_probe_event, t);
	bool all;

	(void)fd;
	(void)what;
	if (n < 0)
		wd_complain("ring buffer: %s", strerror(-n));
	wd_watch_run(t->watch, wd_clock_monotonic_ns());
	wd_verdicts_run(&t->verdicts, wd_clock_monotonic_ns());
	all = answer_due(t, wd_clock_monotonic_ns(), ANSWER_MS);
	event_add(t->timers[0], n > 0 ? &busy : &idle);
	if (n == POLL_RECORDS || !all)
		event_active(t->again, EV_TIMEOUT, 0);
}

static void on_tick(evutil_socket_t fd, short what, void *ctx)
{
	struct trace *t = ctx;
	uint64_t now = wd_clock_monotonic_ns();
	struct wd_stats s;

	(void)fd;
	(void)what;
	wd_probe_maintain(t->probe, now);
	wd_judge_tick(t->judge, now);
	wd_watch_tick(t->watch, now);
	wd_pcap_flush(t->pcap);
	if (t->o->format == WD_FORMAT_TEXT)
		wd_fold_tick(t->fold, &t->out, &t->style, now);
	if (++t->ticks % STATS_EVERY_TICKS == 0 && t->o->format == WD_FORMAT_JSON) {
		read_stats(t, &s);
		wd_json_stats(&t->out, &s, wall_now(now), t->host.name);
	}
	flush(t);
}

static void stop(struct trace *t, const char *why)
{
	if (!t->why)
		t->why = why;
	event_base_loopbreak(t->loop);
}

static void on_stop_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct trace *t = ctx;

	(void)fd;
	(void)what;
	stop(t, t->child.ended ? "command ended" : "duration over");
}

static void on_signal(evutil_socket_t sig, short what, void *ctx)
{
	struct trace *t = ctx;

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

static int parse_targets(struct trace *t)
{
	int r;

	for (int i = 0; i < t->o->n_words; i++) {
		r = wd_targets_add(&t->targets, t->o->words[i]);
		if (r == 0)
			continue;
		wd_complain(
			"trace: target '%s': %s", t->o->words[i],
			r == -ENOSPC ? "more targets than whydrop can hold (1024)"
			: r == -ERANGE
				? "bits behind the prefix length are not zero, or the port is not "
				  "1 to 65535"
				: "wants ADDRESS, ADDRESS/LEN, either with :PORT, [IPv6]:PORT, or "
				  "'all'");
		return r;
	}
	if (!t->o->n_words)
		t->targets.all = true;
	return 0;
}

static void style(struct trace *t)
{
	const char *no_color = getenv("NO_COLOR"), *term = getenv("TERM");
	struct winsize w;

	if (!isatty(STDOUT_FILENO))
		return;
	t->style.colour = !(no_color && no_color[0]) && !(term && strcmp(term, "dumb") == 0);
	t->style.width = 80;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col)
		t->style.width = w.ws_col;
}

static unsigned int list_probes(const struct trace *t, struct wd_output_probe *p)
{
	unsigned int n = 0;

	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		enum wd_point point = (enum wd_point)i;
		enum wd_way way = wd_probe_way(t->probe, point);
		const char *lost = wd_probe_lost(t->probe, point);

		/* those that come and go, and what this kernel has no need of, miss nothing */
		if (way == WD_WAY_NONE && (wd_point_kind(point) == WD_KIND_DEMAND || !lost))
			continue;
		p[n].point = wd_point_name(point);
		p[n].way = way == WD_WAY_NONE ? NULL : wd_way_name(way);
		p[n].lost = lost;
		p[n++].minor = wd_point_kind(point) != WD_KIND_BASE;
	}
	return n;
}

static void say_start(struct trace *t)
{
	char names[WD_TARGETS_MAX > 64 ? 64 : WD_TARGETS_MAX][WD_TARGET_STRLEN];
	const char *list[64] = {"all"};
	struct wd_output_probe probes[WD_POINT_MAX];
	struct wd_output_start s = {
		.wall_ns = wall_now(t->started_ns),
		.version = WD_VERSION,
		.kernel = t->host.kernel,
		.node = t->host.name,
		.targets = list,
		.n_targets = t->targets.all,
		.probes = probes,
	};

	for (size_t i = 0; i < t->targets.n && s.n_targets < 64; i++) {
		wd_target_format(&t->targets.t[i], names[i]);
		list[s.n_targets++] = names[i];
	}
	s.n_probes = list_probes(t, probes);
	if (t->o->format == WD_FORMAT_JSON) {
		wd_json_start(&t->out, &s);
		flush(t);
	} else {
		wd_text_start(&t->out, &s, &t->style);
		to_stderr(&t->out);
	}
}

static void say_end(struct trace *t)
{
	uint64_t now = wd_clock_monotonic_ns();
	struct wd_output_probe probes[WD_POINT_MAX];
	struct wd_stats s;

	read_stats(t, &s);
	if (t->o->format == WD_FORMAT_JSON) {
		wd_json_end(&t->out, &s, wall_now(now), (now - t->started_ns) / WD_NSEC_PER_MSEC,
		            t->why, t->host.name);
		flush_within(t, LAST_WORDS_MS);
		return;
	}
	wd_fold_flush(t->fold, &t->out, &t->style);
	flush(t);
	struct wd_output_end e = {
		.wall_ns = wall_now(now),
		.elapsed_ms = (now - t->started_ns) / WD_NSEC_PER_MSEC,
		.why = t->why,
		.stats = &s,
		.tally = wd_fold_tally(t->fold),
		.probes = probes,
		.n_probes = list_probes(t, probes),
	};
	flush_within(t, LAST_WORDS_MS);
	wd_buf_reset(&t->out);
	wd_text_end(&t->out, &e, &t->style);
	to_stderr(&t->out);
}

static int set_up_loop(struct trace *t)
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
static void start_clock(struct trace *t)
{
	struct timeval d = {(time_t)(t->o->duration_ns / WD_NSEC_PER_SEC),
	                    (suseconds_t)(t->o->duration_ns % WD_NSEC_PER_SEC / 1000)};

	t->started_ns = wd_clock_monotonic_ns();
	/* libevent counts from a time that it may have read before the probes were loaded */
	event_base_update_cache_time(t->loop);
	if (t->o->duration_ns)
		event_add(t->stop, &d);
}

static int set_up_probe(struct trace *t)
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

static int set_up_watch(struct trace *t)
{
	struct wd_watch_options wo = {
		/* without a drop of this node, only packet hooks see a connection's packets */
		.packets = t->pcap && t->o->packets == WD_PACKETS_AUTO ? WD_PACKETS_ON
	                                                               : t->o->packets,
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

static void release(struct trace *t)
{
	struct event *const all[] = {t->timers[0],  t->timers[1], t->signals[0], t->signals[1],
	                             t->signals[2], t->stop,      t->again};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (all[i])
			event_free(all[i]);
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

static int set_up(struct trace *t)
{
	struct wd_flow_options fo = {.targets = &t->targets, .forget = forget_drop, .ctx = t};
	int r;

	wd_buf_init(&t->out, OUT_CAP);
	style(t);
	r = wd_host_read(t->o->node, &t->host);
	if (r < 0) {
		wd_complain("trace: name of the node: %s", strerror(-r));
		return r;
	}
	r = wd_flow_table_new(&fo, &t->flows);
	if (r == 0)
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
static void finish(struct trace *t)
{
	for (unsigned int i = 0; i < 64; i++)
		if (wd_probe_poll(t->probe, POLL_RECORDS, on_probe_event, t) < POLL_RECORDS)
			break;
	wd_flow_table_finish(t->flows, wd_clock_monotonic_ns());
	if (!answer_due(t, wd_clock_monotonic_ns(), LAST_WORDS_MS))
		wd_complain("trace: too many open attempts to answer them all at the end");
	say_end(t);
	wd_pcap_finish(t->pcap);
}

static int run(const struct wd_options *o)
{
	struct trace *t = calloc(1, sizeof(*t));
	int status = WD_EXIT_CANNOT, r;

	if (!t) {
		wd_complain("trace: %s", strerror(ENOMEM));
		return status;
	}
	t->o = o;
	if (parse_targets(t) < 0) {
		free(t);
		return WD_EXIT_USAGE;
	}
	if (wd_privileges_complain() || set_up(t) < 0 || set_up_probe(t) < 0)
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
	start_clock(t);
	wd_judge_tick(t->judge, t->started_ns);
	say_start(t);
	if (o->command) {
		r = wd_child_start(&t->child, o->command);
		if (r < 0) {
			wd_complain("trace: cannot run '%s': %s", o->command[0], strerror(-r));
			status = WD_EXIT_USAGE;
			goto out;
		}
	}
	event_base_dispatch(t->loop);
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
	"TARGET: an address or prefix, with or without port (10.0.0.1, 10.0.0.1:443,\n"
	"10.96.0.0/12, 10.96.0.0/12:443, fd00::/64, [fd00::1]:443), or 'all', which\n"
	"is the default.";

const struct wd_command wd_cmd_trace = {
	.name = "trace",
	.synopsis = "[TARGET]... [options] [-- CMD [ARG]...]",
	.summary = "live: why each failing connection to the targets fails",
	.details = details,
	.options = WD_OPT_OUTPUT | WD_OPT_NODE | WD_OPT_DURATION | WD_OPT_FAIL | WD_OPT_FORCE |
                   WD_OPT_PACKETS | WD_OPT_PCAP | WD_OPT_COMMAND,
	.run = run,
};
