/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One finding for people. First who and whom, then the answer and how sure it is, then why,
 * where, the proof, and what to do: a reader may stop at any line and has not been misled.
 */
#include "output/output.h"

#include "output/page.h"
#include "output/phrase.h"

static bool has_text(const char *s)
{
	return s && s[strspn(s, " ")];
}

static unsigned int at_most(unsigned int n, unsigned int max)
{
	return n < max ? n : max;
}

static void put_process(struct wd_page *p, const struct wd_finding *f)
{
	bool comm = f->client.comm && f->client.comm[0];

	wd_page_own(p, " (");
	if (comm)
		wd_page_name(p, f->client.comm);
	if (f->client.pid) {
		wd_page_own(p, comm ? WD_PAGE_NBSP : "pid" WD_PAGE_NBSP);
		wd_page_u64(p, f->client.pid);
	} else if (!comm) {
		wd_page_own(p, "unknown" WD_PAGE_NBSP "process");
	}
	wd_page_own(p, ")");
}

static void put_head(struct wd_page *p, const struct wd_finding *f)
{
	wd_page_line(p, 0, p->body);
	wd_page_time(p, f->wall_ns);
	wd_phrase_client(p, f, true);
	put_process(p, f);
	wd_page_own(p, WD_PAGE_CHUNK);
	wd_phrase_target(p, f);
	wd_phrase_backend(p, f);
	wd_page_break(p);
}

static void put_answer(struct wd_page *p, const struct wd_finding *f)
{
	wd_page_line(p, p->body, p->body + 2);
	wd_phrase_headline(p, f->cause, f->confidence);
	if (!f->final)
		wd_page_own(p, "," WD_PAGE_CHUNK "so far");
	if (wd_phrase_has_outcome(f)) {
		wd_page_own(p, f->final ? ":" WD_PAGE_CHUNK : ": ");
		wd_phrase_outcome(p, f);
	}
	wd_page_break(p);
}

static void put_revision(struct wd_page *p, const struct wd_text_revision *before)
{
	const char *word;

	if (!before)
		return;
	word = wd_phrase_outcome_word(before->outcome);
	wd_page_row(p, "revised");
	wd_page_own(p, "the same attempt as shown before as ");
	wd_phrase_headline(p, before->cause, before->confidence);
	wd_page_own(p, word[0] ? ", " : "");
	wd_page_own(p, word);
	wd_page_break(p);
}

static void put_row(struct wd_page *p, const char *label, const char *text)
{
	if (!has_text(text))
		return;
	wd_page_row(p, label);
	wd_page_put(p, text + strspn(text, " "));
	wd_page_break(p);
}

/* What the names and endpoints above rest on: from whom, and how old. */
static void put_state(struct wd_page *p, const struct wd_finding *f)
{
	static const struct {
		const char *source, *words;
	} sources[] = {{"api", "the API"},
	               {"state", "the last known state"},
	               {"node", "this node's rules"}};
	bool any = false;

	for (size_t s = 0; s < sizeof(sources) / sizeof(sources[0]); s++) {
		uint64_t oldest = 0;
		unsigned int n = 0;

		for (unsigned int i = 0; i < f->n_states; i++) {
			if (strcmp(f->state[i].source, sources[s].source) != 0)
				continue;
			if (!n && !any)
				wd_page_row(p, "names of");
			wd_page_own(p, n ? ", " : any ? "; " : "");
			wd_page_own(p, f->state[i].what);
			wd_page_own(p, f->state[i].partial ? " (in part)" : "");
			oldest = f->state[i].age_ms > oldest ? f->state[i].age_ms : oldest;
			n++;
		}
		if (!n)
			continue;
		any = true;
		wd_page_own(p, ": from ");
		wd_page_own(p, sources[s].words);
		wd_page_own(p, "," WD_PAGE_NBSP);
		wd_page_span(p, oldest);
		wd_page_own(p, WD_PAGE_NBSP "old");
	}
	if (any)
		wd_page_break(p);
}

static void put_from(struct wd_page *p, const struct wd_finding *f)
{
	char text[WD_ENDPOINT_STRLEN];
	bool ip = !wd_addr_is_any(&f->client.ip);
	bool netns = f->client.netns && f->client.netns[0] &&
	             (f->client.pod.name[0] || (f->client.host_known && f->client.host));

	if (wd_phrase_client_is_address(f) || !(ip || netns))
		return;
	wd_page_row(p, "from");
	if (ip)
		wd_page_own(p, wd_endpoint_format(&f->client.ip, f->client.port, text));
	if (netns) {
		wd_page_own(p, ip ? ", netns" WD_PAGE_NBSP : "netns" WD_PAGE_NBSP);
		wd_page_name(p, f->client.netns);
	}
	wd_page_break(p);
}

/* Adds "name text" unless the sentence before has it already; returns what separates the next. */
static const char *put_item(struct wd_page *p, const char *said, const char *separator,
                            const char *name, const char *text)
{
	if (!text || !text[0] || (said && strstr(said, text)))
		return separator;
	wd_page_own(p, separator);
	wd_page_own(p, name);
	wd_page_name(p, text);
	return "," WD_PAGE_CHUNK;
}

static void put_where(struct wd_page *p, const struct wd_finding *f)
{
	const char *said = has_text(f->where) ? f->where : NULL;
	const char *reason = f->drop.reason, *function = f->drop.function, *next;

	if (!said && !f->drop.known)
		return;
	wd_page_row(p, "where");
	if (said)
		wd_page_put(p, said + strspn(said, " "));
	if (f->drop.known) {
		next = said ? "," WD_PAGE_CHUNK : "";
		if (!said) {
			next = put_item(p, said, next, "hook" WD_PAGE_NBSP, f->drop.hook);
			next = put_item(p, said, next, "device" WD_PAGE_NBSP, f->drop.device);
			next = put_item(p, said, next, "netns" WD_PAGE_NBSP, f->drop.netns);
		}
		next = put_item(p, said, next, "kernel reason" WD_PAGE_NBSP, reason);
		put_item(p, said, next, "freed in" WD_PAGE_NBSP, function);
	}
	wd_page_break(p);
}

static bool is_missing(const struct wd_evidence *e)
{
	return e->kind && strcmp(e->kind, "missing") == 0;
}

/* What could not be looked at must not be read as proof: rows of its own. */
static void put_evidence(struct wd_page *p, const struct wd_finding *f, bool missing)
{
	unsigned int n = at_most(f->n_evidence, WD_FINDING_EVIDENCE_MAX);
	const char *label = missing ? "unseen" : "evidence";

	for (unsigned int i = 0; i < n; i++) {
		const struct wd_evidence *e = &f->evidence[i];

		if (is_missing(e) != missing || !has_text(e->text))
			continue;
		put_row(p, label, e->text);
		label = "";
	}
}

static void put_next(struct wd_page *p, const struct wd_finding *f)
{
	unsigned int n = at_most(f->n_next, WD_FINDING_NEXT_MAX);
	const char *label = "next";

	for (unsigned int i = 0; i < n; i++) {
		if (!has_text(f->next[i]))
			continue;
		put_row(p, label, f->next[i]);
		label = "";
	}
}

static void put_note(struct wd_page *p, const struct wd_finding *f)
{
	unsigned int n = at_most(f->n_missing_probes, WD_FINDING_MISSING_MAX);
	const char *separator = "not watched: ";

	if (!f->lost_events && !n)
		return;
	wd_page_row(p, "note");
	if (f->cause == WD_CAUSE_UNKNOWN)
		wd_page_own(p, "cannot say more: ");
	if (f->lost_events) {
		wd_page_u64(p, f->lost_events);
		wd_page_own(p, f->lost_events == 1 ? " event was lost" : " events were lost");
		wd_page_own(p, " in this trace");
		separator = "; not watched: ";
	}
	for (unsigned int i = 0; i < n; i++) {
		if (!has_text(f->missing_probes[i]))
			continue;
		wd_page_own(p, separator);
		wd_page_name(p, f->missing_probes[i]);
		separator = ", ";
	}
	wd_page_break(p);
}

void wd_text_finding_revised(struct wd_buf *b, const struct wd_finding *f,
                             const struct wd_text_revision *before, const struct wd_text_style *st)
{
	struct wd_page p;

	wd_page_begin(&p, b, st);
	put_head(&p, f);
	put_answer(&p, f);
	put_revision(&p, before);
	put_row(&p, "why", f->summary);
	put_from(&p, f);
	put_where(&p, f);
	put_evidence(&p, f, false);
	put_evidence(&p, f, true);
	put_next(&p, f);
	put_state(&p, f);
	put_note(&p, f);
	wd_page_end(&p);
}

void wd_text_finding(struct wd_buf *b, const struct wd_finding *f, const struct wd_text_style *st)
{
	wd_text_finding_revised(b, f, NULL, st);
}
