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

struct attempt {
	int result; /* 0, or what the kernel answered */
	char err[WD_PROBE_ERRLEN];
};

static void put_text(struct wd_buf *b, enum wd_point p, const struct attempt *a, enum wd_way in_use)
{
	wd_buf_printf(b, "%-24s %s\n", wd_point_name(p),
	              in_use == WD_WAY_NONE ? "not available" : wd_way_name(in_use));
	for (unsigned int w = 0; w < WD_WAY_MAX; w++) {
		if (a[w].result == -EOPNOTSUPP)
			continue;
		wd_buf_printf(b, "    %-20s ", wd_way_name((enum wd_way)w));
		if (a[w].result == 0)
			wd_buf_puts(b, "works");
		else
			wd_text_escape(b, a[w].err, strlen(a[w].err));
		wd_buf_putc(b, '\n');
	}
	if (in_use == WD_WAY_NONE)
		wd_buf_printf(b, "    lost without it: %s\n", wd_point_lost(p));
}

static void put_json(struct wd_buf *b, enum wd_point p, const struct attempt *a, enum wd_way in_use)
{
	struct wd_writer w;

	wd_writer_begin(&w, b, 1024);
	wd_writer_open(&w, '{');
	wd_writer_key(&w, "\"v\":");
	wd_writer_u64(&w, 1);
	wd_writer_key(&w, "\"type\":");
	wd_writer_string(&w, "probe");
	wd_writer_key(&w, "\"point\":");
	wd_writer_string(&w, wd_point_name(p));
	if (in_use != WD_WAY_NONE) {
		wd_writer_key(&w, "\"way\":");
		wd_writer_string(&w, wd_way_name(in_use));
	} else {
		wd_writer_key(&w, "\"lost\":");
		wd_writer_string(&w, wd_point_lost(p));
	}
	wd_writer_key(&w, "\"ways\":");
	wd_writer_open(&w, '[');
	for (unsigned int i = 0; i < WD_WAY_MAX; i++) {
		if (a[i].result == -EOPNOTSUPP)
			continue;
		wd_writer_key(&w, "");
		wd_writer_open(&w, '{');
		wd_writer_key(&w, "\"way\":");
		wd_writer_string(&w, wd_way_name((enum wd_way)i));
		wd_writer_key(&w, "\"works\":");
		wd_writer_bool(&w, a[i].result == 0);
		if (a[i].result) {
			wd_writer_key(&w, "\"error\":");
			wd_writer_string(&w, a[i].err);
		}
		wd_writer_close(&w, '}');
	}
	wd_writer_close(&w, ']');
	wd_writer_close(&w, '}');
	wd_writer_end(&w);
}

static int run(const struct wd_options *o)
{
	struct attempt a[WD_WAY_MAX];
	unsigned int works = 0;
	struct wd_host host;
	struct wd_buf b;

	if (o->n_words) {
		wd_complain("probes: takes no '%s'", o->words[0]);
		return WD_EXIT_USAGE;
	}
	if (wd_privileges_complain())
		return WD_EXIT_CANNOT;
	if (o->format == WD_FORMAT_TEXT && wd_host_read(NULL, &host) == 0)
		printf("Kernel %s. The first way that works is used.\n\n", host.kernel);
	wd_buf_init(&b, 1 << 20);
	for (unsigned int p = 0; p < WD_POINT_MAX; p++) {
		enum wd_way in_use = WD_WAY_NONE;

		for (unsigned int w = 0; w < WD_WAY_MAX; w++) {
			a[w].result = wd_probe_trial((enum wd_point)p, (enum wd_way)w, a[w].err);
			if (a[w].result == 0 && in_use == WD_WAY_NONE)
				in_use = (enum wd_way)w;
		}
		works += in_use != WD_WAY_NONE;
		if (o->format == WD_FORMAT_JSON)
			put_json(&b, (enum wd_point)p, a, in_use);
		else
			put_text(&b, (enum wd_point)p, a, in_use);
	}
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
