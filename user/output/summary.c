/* SPDX-License-Identifier: Apache-2.0 */
/* The text around findings: what is watched, how it goes, how it ended. */
#include "output/output.h"

#include "output/page.h"

#define MEANING_AT(field) (offsetof(struct wd_stats, field) / sizeof(uint64_t))

static const char *const meanings[] = {
#define X(field, meaning) [MEANING_AT(field)] = meaning,
	WD_STATS(X)
#undef X
};

static void put_count(struct wd_page *p, uint64_t n, const char *one, const char *many)
{
	wd_page_u64(p, n);
	wd_page_own(p, WD_PAGE_NBSP);
	wd_page_own(p, n == 1 ? one : many);
}

/* "3 drops lost: ring buffer full; 2 records refused by the reader". */
static void put_losses(struct wd_page *p, const struct wd_stats *s)
{
	const char *separator = "";

	for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++) {
		struct wd_stats one = {0};
		uint64_t n;

		memcpy(&n, (const char *)s + i * sizeof(n), sizeof(n));
		memcpy((char *)&one + i * sizeof(n), &n, sizeof(n));
		if (!wd_stats_lost(&one))
			continue;
		wd_page_own(p, separator);
		wd_page_u64(p, n);
		wd_page_own(p, WD_PAGE_NBSP);
		wd_page_own(p, meanings[i]);
		separator = "; ";
	}
}

static void put_list(struct wd_page *p, const char *label, const char *const *items, unsigned int n)
{
	const char *separator = "";

	if (!n)
		return;
	wd_page_row(p, label);
	for (unsigned int i = 0; i < n; i++) {
		if (!items[i])
			continue;
		wd_page_own(p, separator);
		wd_page_put(p, items[i]);
		separator = ", ";
	}
	wd_page_break(p);
}

static unsigned int count_missing(const struct wd_output_probe *probes, unsigned int n)
{
	unsigned int missing = 0;

	for (unsigned int i = 0; i < n; i++)
		missing += probes[i].way == NULL;
	return missing;
}

static void put_missing(struct wd_page *p, const struct wd_output_probe *probes, unsigned int n)
{
	const char *label = "without";
	bool minor = false;

	for (unsigned int i = 0; i < n; i++) {
		minor |= !probes[i].way && probes[i].minor;
		if (probes[i].way ? !probes[i].lost : probes[i].minor)
			continue;
		wd_page_row(p, label);
		wd_page_put(p, probes[i].point ? probes[i].point : "?");
		if (probes[i].way) {
			wd_page_own(p, " by ");
			wd_page_put(p, probes[i].way);
		}
		if (probes[i].lost) {
			wd_page_own(p, ": ");
			wd_page_put(p, probes[i].lost);
		}
		wd_page_break(p);
		label = "";
	}
	if (!minor)
		return;
	/* no failure goes unseen for them: their names, and where to read more */
	wd_page_row(p, label);
	label = "";
	for (unsigned int i = 0; i < n; i++) {
		if (probes[i].way || !probes[i].minor)
			continue;
		wd_page_own(p, label);
		wd_page_put(p, probes[i].point ? probes[i].point : "?");
		label = ", ";
	}
	wd_page_own(p, ": answers are less exact (whydrop probes)");
	wd_page_break(p);
}

void wd_text_start(struct wd_buf *b, const struct wd_output_start *s,
                   const struct wd_text_style *st)
{
	unsigned int missing = count_missing(s->probes, s->n_probes);
	struct wd_page p;

	wd_page_begin(&p, b, st);
	p.body = 0;
	wd_page_line(&p, 0, WD_PAGE_LABEL);
	wd_page_own(&p, "whydrop ");
	wd_page_put(&p, s->version ? s->version : "");
	if (s->node) {
		wd_page_own(&p, " on node" WD_PAGE_NBSP);
		wd_page_put(&p, s->node);
	}
	if (s->kernel) {
		wd_page_own(&p, ", kernel" WD_PAGE_NBSP);
		wd_page_put(&p, s->kernel);
	}
	wd_page_break(&p);
	put_list(&p, "tracing", s->targets, s->n_targets);
	if (s->api) {
		wd_page_row(&p, "names from");
		wd_page_own(&p, s->has_api ? "the Kubernetes API at " : "this node alone (");
		wd_page_put(&p, s->api);
		wd_page_own(&p, s->has_api ? ", and this node" : ")");
		wd_page_break(&p);
	}
	if (s->n_probes) {
		wd_page_row(&p, "watching");
		if (!missing)
			wd_page_own(&p, "all ");
		wd_page_u64(&p, s->n_probes - missing);
		if (missing) {
			wd_page_own(&p, " of ");
			wd_page_u64(&p, s->n_probes);
		}
		wd_page_own(&p, " probe points");
		wd_page_own(&p, missing == s->n_probes ? ": nothing will be seen" : "");
		wd_page_break(&p);
	}
	put_missing(&p, s->probes, s->n_probes);
	wd_page_end(&p);
}

void wd_text_stats(struct wd_buf *b, const struct wd_stats *s, uint64_t wall_ns,
                   const struct wd_text_style *st)
{
	uint64_t lost = wd_stats_lost(s);
	struct wd_page p;

	wd_page_begin(&p, b, st);
	wd_page_line(&p, 0, p.body);
	wd_page_time(&p, wall_ns);
	wd_page_own(&p, "until now: ");
	put_count(&p, s->findings, "finding", "findings");
	if (s->findings_folded) {
		wd_page_own(&p, " (and ");
		wd_page_u64(&p, s->findings_folded);
		wd_page_own(&p, " folded)");
	}
	wd_page_own(&p, ", ");
	put_count(&p, s->conn_tracked, "connection attempt", "connection attempts");
	wd_page_own(&p, " to the targets, ");
	if (lost) {
		put_count(&p, lost, "event", "events");
		wd_page_own(&p, " lost (");
		put_losses(&p, s);
		wd_page_own(&p, ")");
	} else {
		wd_page_own(&p, "nothing lost");
	}
	wd_page_break(&p);
	wd_page_end(&p);
}

static void put_causes(struct wd_page *p, const struct wd_output_tally *t)
{
	uint64_t below = UINT64_MAX;

	/* Largest count first, by looking for the next smaller one: there are few causes. */
	for (;;) {
		uint64_t count = 0;

		for (unsigned int c = 0; c < WD_CAUSE_MAX; c++)
			if (t->cause[c] < below && t->cause[c] > count)
				count = t->cause[c];
		if (!count)
			return;
		for (unsigned int c = 0; c < WD_CAUSE_MAX; c++) {
			if (t->cause[c] != count)
				continue;
			wd_page_line(p, p->body + 2, p->body + 4);
			for (uint64_t pad = count; pad < 100000; pad *= 10)
				wd_page_own(p, WD_PAGE_NBSP);
			wd_page_u64(p, count);
			wd_page_own(p, WD_PAGE_NBSP WD_PAGE_NBSP);
			wd_page_own(p, wd_cause_headline(c));
			wd_page_break(p);
		}
		below = count;
	}
}

/* "No failure" is a strong thing to read at the end of a bad day: say what it rests on. */
static void put_verdict(struct wd_page *p, const struct wd_output_end *e)
{
	uint64_t attempts = e->stats->conn_tracked;
	uint64_t failures = e->tally ? e->tally->total : e->stats->findings;

	wd_page_line(p, p->body, p->body + 2);
	if (failures) {
		if (e->tally)
			put_count(p, failures, "attempt", "attempts");
		else
			put_count(p, failures, "finding", "findings");
		wd_page_own(p, e->tally ? " with a problem" : "");
		wd_page_own(p, "; seen in all: ");
		put_count(p, attempts, "connection attempt", "connection attempts");
		wd_page_own(p, " to the targets");
	} else if (attempts) {
		wd_page_own(p, "no problem seen in ");
		put_count(p, attempts, "connection attempt", "connection attempts");
		wd_page_own(p, " to the targets");
	} else {
		wd_page_own(p, "no connection attempt to the targets was seen: this does not show "
		               "that they can be reached");
	}
	wd_page_break(p);
}

void wd_text_end(struct wd_buf *b, const struct wd_output_end *e, const struct wd_text_style *st)
{
	uint64_t lost = wd_stats_lost(e->stats);
	struct wd_page p;

	wd_page_begin(&p, b, st);
	wd_page_line(&p, 0, p.body);
	wd_page_time(&p, e->wall_ns);
	wd_page_own(&p, "end after ");
	wd_page_span(&p, e->elapsed_ms);
	if (e->why) {
		wd_page_own(&p, ": ");
		wd_page_put(&p, e->why);
	}
	wd_page_break(&p);
	put_verdict(&p, e);
	if (e->tally)
		put_causes(&p, e->tally);
	if (lost) {
		wd_page_row(&p, "note");
		put_count(&p, lost, "event", "events");
		wd_page_own(&p, " lost, there may be failures that were not seen: ");
		put_losses(&p, e->stats);
		wd_page_break(&p);
	}
	put_missing(&p, e->probes, e->n_probes);
	wd_page_end(&p);
}
