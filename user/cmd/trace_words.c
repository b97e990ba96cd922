/* SPDX-License-Identifier: Apache-2.0 */
/* What a trace says besides its findings, and how it writes. */
#include "cmd/trace.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <event2/event.h>

#include "base/clock.h"

uint64_t wd_trace_wall(uint64_t mono_ns)
{
	return (uint64_t)((int64_t)mono_ns + wd_clock_wall_offset_ns());
}

/* ---- writing ------------------------------------------------------------------------ */

static void output_gone(struct wd_trace *t)
{
	/* nobody reads any more: the end of our job, not an error */
	t->out_gone = true;
	t->why = "output closed";
	event_base_loopbreak(t->loop);
}

/* poll(2) promises room for PIPE_BUF bytes of a pipe, so that writes of no more do not block. */
void wd_trace_flush_within(struct wd_trace *t, int wait_ms)
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

void wd_trace_flush(struct wd_trace *t)
{
	if (t->out.len || t->out.err)
		wd_trace_flush_within(t, 0);
}

/* For what people are told besides: the start and the summary. */
static void to_stderr(struct wd_buf *b)
{
	if (b->len)
		fwrite(b->data, 1, b->len, stderr);
	wd_buf_reset(b);
}

void wd_trace_stats(struct wd_trace *t, struct wd_stats *s)
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

/* ---- start and end ---------------------------------------------------------------------- */

void wd_trace_style(struct wd_trace *t)
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

static unsigned int list_probes(const struct wd_trace *t, struct wd_output_probe *p)
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

/* The words, as the user gave them or as they are by default. */
static unsigned int list_targets(const struct wd_trace *t, const char **list, unsigned int max)
{
	static const char *const defaults[] = {"api", "services", "dns"};
	unsigned int n = 0;

	if (t->spec.by_default)
		for (; n < 3; n++)
			list[n] = defaults[n];
	for (int i = 0; i < t->o->n_words && n < max; i++)
		list[n++] = t->o->words[i];
	return n;
}

void wd_trace_say_start(struct wd_trace *t)
{
	const char *list[64];
	struct wd_output_probe probes[WD_POINT_MAX];
	struct wd_output_start s = {
		.wall_ns = wd_trace_wall(t->started_ns),
		.version = WD_VERSION,
		.kernel = t->host.kernel,
		.node = t->host.name,
		.targets = list,
		.probes = probes,
	};

	s.n_targets = list_targets(t, list, 64);
	s.n_probes = list_probes(t, probes);
	s.api = wd_cluster_api_words(t->cluster, &s.has_api);
	if (t->o->format == WD_FORMAT_JSON) {
		wd_json_start(&t->out, &s);
		wd_trace_flush(t);
	} else {
		wd_text_start(&t->out, &s, &t->style);
		to_stderr(&t->out);
	}
}

void wd_trace_say_end(struct wd_trace *t)
{
	uint64_t now = wd_clock_monotonic_ns();
	struct wd_output_probe probes[WD_POINT_MAX];
	struct wd_stats s;

	wd_trace_stats(t, &s);
	if (t->o->format == WD_FORMAT_JSON) {
		wd_json_end(&t->out, &s, wd_trace_wall(now),
		            (now - t->started_ns) / WD_NSEC_PER_MSEC, t->why, t->host.name);
		wd_trace_flush_within(t, WD_TRACE_LAST_WORDS_MS);
		return;
	}
	wd_fold_flush(t->fold, &t->out, &t->style);
	wd_trace_flush(t);
	struct wd_output_end e = {
		.wall_ns = wd_trace_wall(now),
		.elapsed_ms = (now - t->started_ns) / WD_NSEC_PER_MSEC,
		.why = t->why,
		.stats = &s,
		.tally = wd_fold_tally(t->fold),
		.probes = probes,
		.n_probes = list_probes(t, probes),
	};
	wd_trace_flush_within(t, WD_TRACE_LAST_WORDS_MS);
	wd_buf_reset(&t->out);
	wd_text_end(&t->out, &e, &t->style);
	to_stderr(&t->out);
}
