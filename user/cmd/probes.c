/* SPDX-License-Identifier: Apache-2.0 */
/* `whydrop probes`: tries every way of every probe point, alone, and says what came. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <net/if.h>

#include "base/buf.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "node/host.h"
#include "output/writer.h"
#include "probe/hooks.h"

#define HOOKS      "packet_hooks"
#define HOOKS_LOST "where packets get lost is deduced from routes and drops"

struct attempt {
	const char *way;
	bool works;
	const char *err, *lost;
};

struct result {
	const char *name;
	const char *type;     /* "probe", or "hook": not one of --force */
	const char *attached; /* "always" or "on-demand" */
	const char *when;     /* in words, when on demand */
	struct attempt a[WD_PROBE_ATTEMPTS_MAX];
	unsigned int n;
	const struct attempt *in_use; /* the first that works; NULL none */
	const char *superfluous;      /* why this kernel can do without it, or NULL */
	const char *without;          /* what is lost without it */
};

static const char *state(const struct result *r)
{
	if (r->superfluous)
		return "not needed";
	return r->in_use ? r->in_use->way : "not available";
}

static const char *lost(const struct result *r)
{
	if (r->superfluous)
		return NULL;
	return r->in_use ? r->in_use->lost : r->without;
}

static void put_text(struct wd_buf *b, const struct result *r)
{
	wd_buf_printf(b, "%-22s %s", r->name, state(r));
	if (r->in_use && r->when)
		wd_buf_printf(b, " (%s)", r->when);
	wd_buf_putc(b, '\n');
	for (unsigned int i = 0; i < r->n; i++) {
		const struct attempt *a = &r->a[i];

		wd_buf_printf(b, "    %-18s ", a->way);
		if (a->works)
			wd_buf_puts(b, "works");
		else
			wd_text_escape(b, a->err, strlen(a->err));
		if (a->works && a->lost)
			wd_buf_printf(b, ", but %s", a->lost);
		wd_buf_putc(b, '\n');
	}
	if (r->superfluous)
		wd_buf_printf(b, "    %s\n", r->superfluous);
	else if (!r->in_use)
		wd_buf_printf(b, "    lost without it: %s\n", lost(r));
}

static void put_json(struct wd_buf *b, const struct result *r)
{
	struct wd_writer w;

	wd_writer_begin(&w, b, 1024);
	wd_writer_open(&w, '{');
	wd_writer_key(&w, "\"v\":");
	wd_writer_u64(&w, 1);
	wd_writer_key(&w, "\"type\":");
	wd_writer_string(&w, r->type);
	wd_writer_key(&w, "\"point\":");
	wd_writer_string(&w, r->name);
	wd_writer_key(&w, "\"attached\":");
	wd_writer_string(&w, r->attached);
	if (r->in_use) {
		wd_writer_key(&w, "\"way\":");
		wd_writer_string(&w, r->in_use->way);
	}
	if (r->superfluous) {
		wd_writer_key(&w, "\"not_needed\":");
		wd_writer_string(&w, r->superfluous);
	}
	if (lost(r)) {
		wd_writer_key(&w, "\"lost\":");
		wd_writer_string(&w, lost(r));
	}
	wd_writer_key(&w, "\"ways\":");
	wd_writer_open(&w, '[');
	for (unsigned int i = 0; i < r->n; i++) {
		const struct attempt *a = &r->a[i];

		wd_writer_key(&w, "");
		wd_writer_open(&w, '{');
		wd_writer_key(&w, "\"way\":");
		wd_writer_string(&w, a->way);
		wd_writer_key(&w, "\"works\":");
		wd_writer_bool(&w, a->works);
		if (!a->works) {
			wd_writer_key(&w, "\"error\":");
			wd_writer_string(&w, a->err);
		}
		if (a->lost) {
			wd_writer_key(&w, "\"lost\":");
			wd_writer_string(&w, a->lost);
		}
		wd_writer_close(&w, '}');
	}
	wd_writer_close(&w, ']');
	wd_writer_close(&w, '}');
	wd_writer_end(&w);
}

static void tell(const struct wd_options *o, struct wd_buf *b, struct result *r)
{
	for (unsigned int i = 0; i < r->n && !r->in_use; i++)
		if (r->a[i].works)
			r->in_use = &r->a[i];
	if (o->format == WD_FORMAT_JSON)
		put_json(b, r);
	else
		put_text(b, r);
}

/* False when no way works. */
static bool try_point(const struct wd_options *o, struct wd_probe_trial *t, enum wd_point point,
                      struct wd_buf *b)
{
	struct wd_probe_attempt a[WD_PROBE_ATTEMPTS_MAX];
	bool demand = wd_point_kind(point) == WD_KIND_DEMAND;
	struct result r = {
		.name = wd_point_name(point),
		.type = "probe",
		.attached = demand ? "on-demand" : "always",
		.when = demand ? "only while a filter drops packets of a target" : NULL,
		.without = wd_point_lost(point),
	};

	r.n = wd_probe_trial_point(t, point, a);
	r.superfluous = wd_probe_trial_superfluous(t, point);
	for (unsigned int i = 0; i < r.n; i++)
		r.a[i] = (struct attempt){wd_way_name(a[i].way), a[i].result == 0, a[i].err,
		                          a[i].lost};
	tell(o, b, &r);
	return r.in_use;
}

/* Packet hooks stand on a probe's ring and targets: its smallest point is enough. */
static int open_least(struct wd_probe **ret, char err[WD_PROBE_ERRLEN])
{
	static const struct wd_targets none;
	struct wd_probe_options po = {.targets = &none};

	for (unsigned int i = 0; i < WD_POINT_MAX; i++) {
		po.forced[i] = i != WD_POINT_RECEIVE_RESET;
		po.force[i] = WD_WAY_NONE;
	}
	return wd_probe_open(&po, ret, err);
}

/* On the loopback device of this network namespace, and taken back at once. clsact makes a qdisc
 * for that, so it is tried only where tcx does not work. */
static void try_hooks(const struct wd_options *o, struct wd_buf *b)
{
	static const char *const limits[WD_HOOK_WAY_MAX] = {
		[WD_HOOK_XDP] = "it alone does not see what is sent"};
	char err[WD_HOOK_WAY_MAX][WD_PROBE_ERRLEN] = {{0}};
	struct wd_hooks_options ho = {.snap = false};
	struct result r = {
		.name = HOOKS,
		.type = "hook",
		.attached = "on-demand",
		.when = "only while a connection is not answered, or with --packets",
		.without = HOOKS_LOST,
		.n = WD_HOOK_WAY_MAX,
	};
	unsigned int lo = if_nametoindex("lo");
	struct wd_probe *p = NULL;
	struct wd_hooks *h = NULL;
	int opened = open_least(&p, err[0]);

	if (opened == 0)
		opened = wd_hooks_new(p, &ho, &h);
	for (unsigned int i = 0; i < WD_HOOK_WAY_MAX; i++) {
		bool spare = i == WD_HOOK_CLSACT && r.a[WD_HOOK_TCX].works;
		int e = opened;

		if (e < 0)
			snprintf(err[i], WD_PROBE_ERRLEN, "load: %s", strerror(-e));
		else if (spare)
			snprintf(err[i], WD_PROBE_ERRLEN, "not tried: tcx works");
		else
			e = wd_hooks_trial(h, lo, (enum wd_hook_way)i, err[i]);
		r.a[i] = (struct attempt){wd_hook_way_name((enum wd_hook_way)i), e == 0 && !spare,
		                          err[i], limits[i]};
	}
	wd_hooks_free(h);
	wd_probe_close(p);
	tell(o, b, &r);
}

static int run(const struct wd_options *o)
{
	char err[WD_PROBE_ERRLEN];
	struct wd_probe_trial *t;
	unsigned int works = 0;
	struct wd_host host;
	struct wd_buf b;

	if (o->n_words) {
		wd_complain("probes: takes no '%s'", o->words[0]);
		return WD_EXIT_USAGE;
	}
	if (wd_privileges_complain())
		return WD_EXIT_CANNOT;
	if (wd_probe_trial_new(&t, err) < 0) {
		wd_complain("probes: %s", err);
		return WD_EXIT_CANNOT;
	}
	if (o->format == WD_FORMAT_TEXT && wd_host_read(NULL, &host) == 0)
		printf("Kernel %s. The first way that works is used.\n\n", host.kernel);
	wd_buf_init(&b, 1 << 20);
	for (unsigned int p = 0; p < WD_POINT_MAX; p++)
		works += try_point(o, t, (enum wd_point)p, &b);
	wd_probe_trial_free(t);
	try_hooks(o, &b);
	if (!b.err)
		fwrite(b.data, 1, b.len, stdout);
	wd_buf_release(&b);
	if (!works) {
		wd_complain("no probe works here");
		return WD_EXIT_CANNOT;
	}
	return WD_EXIT_OK;
}

const struct wd_command wd_cmd_probes = {
	.name = "probes",
	.synopsis = "[-o text|json]",
	.summary = "which hooks this kernel allows, and what each missing one costs",
	.details =
		"Loads and attaches every probe in every way that whydrop knows, one at a time,\n"
		"and prints what the kernel answered. Nothing stays attached.",
	.options = WD_OPT_OUTPUT,
	.run = run,
};
