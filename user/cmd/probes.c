/* SPDX-License-Identifier: Apache-2.0 */
/* `whydrop probes`: tries every way of every probe point, alone, and says what came. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "cmd/cmd.h"
#include "node/host.h"
#include "output/writer.h"

struct result {
	enum wd_point point;
	struct wd_probe_attempt a[WD_PROBE_ATTEMPTS_MAX];
	unsigned int n;
	const struct wd_probe_attempt *in_use; /* the first that works; NULL none */
	const char *superfluous;               /* why this kernel can do without it, or NULL */
};

static const char *state(const struct result *r)
{
	if (r->superfluous)
		return "not needed";
	return r->in_use ? wd_way_name(r->in_use->way) : "not available";
}

static const char *lost(const struct result *r)
{
	if (r->superfluous)
		return NULL;
	return r->in_use ? r->in_use->lost : wd_point_lost(r->point);
}

static void put_text(struct wd_buf *b, const struct result *r)
{
	wd_buf_printf(b, "%-22s %s%s\n", wd_point_name(r->point), state(r),
	              wd_point_kind(r->point) == WD_KIND_DEMAND && r->in_use
	                      ? " (only while a filter drops packets of a target)"
	                      : "");
	for (unsigned int i = 0; i < r->n; i++) {
		const struct wd_probe_attempt *a = &r->a[i];

		wd_buf_printf(b, "    %-18s ", wd_way_name(a->way));
		if (a->result == 0)
			wd_buf_puts(b, "works");
		else
			wd_text_escape(b, a->err, strlen(a->err));
		if (a->result == 0 && a->lost)
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
	static const char *const kinds[] = {"always", "always", "on-demand"};
	struct wd_writer w;

	wd_writer_begin(&w, b, 1024);
	wd_writer_open(&w, '{');
	wd_writer_key(&w, "\"v\":");
	wd_writer_u64(&w, 1);
	wd_writer_key(&w, "\"type\":");
	wd_writer_string(&w, "probe");
	wd_writer_key(&w, "\"point\":");
	wd_writer_string(&w, wd_point_name(r->point));
	wd_writer_key(&w, "\"attached\":");
	wd_writer_string(&w, kinds[wd_point_kind(r->point)]);
	if (r->in_use) {
		wd_writer_key(&w, "\"way\":");
		wd_writer_string(&w, wd_way_name(r->in_use->way));
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
		const struct wd_probe_attempt *a = &r->a[i];

		wd_writer_key(&w, "");
		wd_writer_open(&w, '{');
		wd_writer_key(&w, "\"way\":");
		wd_writer_string(&w, wd_way_name(a->way));
		wd_writer_key(&w, "\"works\":");
		wd_writer_bool(&w, a->result == 0);
		if (a->result) {
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
	for (unsigned int p = 0; p < WD_POINT_MAX; p++) {
		struct result r = {.point = (enum wd_point)p};

		r.n = wd_probe_trial_point(t, r.point, r.a);
		r.superfluous = wd_probe_trial_superfluous(t, r.point);
		for (unsigned int i = 0; i < r.n && !r.in_use; i++)
			if (r.a[i].result == 0)
				r.in_use = &r.a[i];
		works += r.in_use != NULL;
		if (o->format == WD_FORMAT_JSON)
			put_json(&b, &r);
		else
			put_text(&b, &r);
	}
	wd_probe_trial_free(t);
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
