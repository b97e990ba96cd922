/* SPDX-License-Identifier: Apache-2.0 */
#include "output/output.h"

#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/lru.h"
#include "output/page.h"
#include "output/phrase.h"

#define GROUPS_DEFAULT   512
#define ATTEMPTS_DEFAULT 4096
#define TELL_DEFAULT     (10 * WD_NSEC_PER_SEC)
#define WINDOW_DEFAULT   (300 * WD_NSEC_PER_SEC)

/* Longest subject that is folded: two pod names of usual length and two IPv6 endpoints. A longer
 * one is printed in full each time. */
#define SUBJECT_MAX 512
/* Lines in one telling; the rest is told as a sum. */
#define TELL_LINES 8

/* Findings that read the same: the subject is both what is compared and what is shown. */
struct group {
	uint64_t pending;    /* folded since the last telling */
	uint64_t count;      /* all, with those printed */
	uint64_t printed_ns; /* when it was last printed in full */
	uint64_t wall_ns;    /* of the newest */
	size_t len;
	char subject[SUBJECT_MAX];
};

/* An attempt with an interim answer, whose final one is to come. */
struct attempt {
	uint64_t id;
	struct wd_text_revision said;
	bool backend_known;
	struct wd_addr backend;
	uint16_t backend_port;
	bool printed; /* in full, not folded */
};

struct wd_fold {
	struct wd_lru group_index, attempt_index;
	struct group *groups;
	struct attempt *attempts;
	uint64_t tell_ns, window_ns;
	uint64_t pending;       /* of all groups and of those forgotten */
	uint64_t pending_since; /* when the first of them was folded */
	uint64_t forgotten;     /* pending of groups that were evicted */
	struct wd_output_tally tally;
	struct wd_fold_stats stats;
};

int wd_fold_new(const struct wd_fold_limits *limits, struct wd_fold **ret)
{
	struct wd_fold_limits l = limits ? *limits : (struct wd_fold_limits){0};
	struct wd_fold *fo;
	int err;

	l.groups = l.groups ? l.groups : GROUPS_DEFAULT;
	l.attempts = l.attempts ? l.attempts : ATTEMPTS_DEFAULT;
	fo = calloc(1, sizeof(*fo));
	if (!fo)
		return -ENOMEM;
	fo->tell_ns = l.tell_ns ? l.tell_ns : TELL_DEFAULT;
	fo->window_ns = l.window_ns ? l.window_ns : WINDOW_DEFAULT;
	err = wd_lru_init(&fo->group_index, l.groups);
	if (!err)
		err = wd_lru_init(&fo->attempt_index, l.attempts);
	if (!err) {
		fo->groups = calloc(l.groups, sizeof(*fo->groups));
		fo->attempts = calloc(l.attempts, sizeof(*fo->attempts));
		if (!fo->groups || !fo->attempts)
			err = -ENOMEM;
	}
	if (err) {
		wd_fold_free(fo);
		return err;
	}
	*ret = fo;
	return 0;
}

void wd_fold_free(struct wd_fold *fo)
{
	if (!fo)
		return;
	wd_lru_release(&fo->group_index);
	wd_lru_release(&fo->attempt_index);
	free(fo->groups);
	free(fo->attempts);
	free(fo);
}

const struct wd_output_tally *wd_fold_tally(const struct wd_fold *fo)
{
	return &fo->tally;
}

const struct wd_fold_stats *wd_fold_stats(const struct wd_fold *fo)
{
	return &fo->stats;
}

/* ---- groups ---- */

/* FNV-1a, 64 bits: an index only, subjects are compared. */
static uint64_t hash_bytes(const char *s, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ (uint8_t)s[i]) * 0x100000001b3ull;
	return h;
}

/* Renders the subject at the end of b and takes it away again; 0 when it is too long. */
static size_t render_subject(struct wd_buf *b, const struct wd_finding *f, char ret[SUBJECT_MAX])
{
	struct wd_page p;
	size_t len = 0;

	wd_page_begin(&p, b, &(struct wd_text_style){0});
	wd_phrase_subject(&p, f);
	if (!b->err && b->len - p.start <= SUBJECT_MAX) {
		len = b->len - p.start;
		memcpy(ret, b->data + p.start, len);
	}
	b->len = p.start;
	return len;
}

static struct group *find_group(struct wd_fold *fo, const char *subject, size_t len)
{
	uint32_t slot = wd_lru_first(&fo->group_index, hash_bytes(subject, len));

	for (; slot != WD_LRU_NONE; slot = wd_lru_next(&fo->group_index, slot)) {
		struct group *g = &fo->groups[slot];

		if (g->len == len && memcmp(g->subject, subject, len) == 0) {
			wd_lru_touch(&fo->group_index, slot);
			return g;
		}
	}
	return NULL;
}

static struct group *add_group(struct wd_fold *fo, const char *subject, size_t len)
{
	uint32_t victim = wd_lru_victim(&fo->group_index);
	struct group *g;

	if (victim != WD_LRU_NONE) {
		fo->stats.groups_evicted++;
		fo->forgotten += fo->groups[victim].pending;
	}
	g = &fo->groups[wd_lru_insert(&fo->group_index, hash_bytes(subject, len))];
	g->pending = 0;
	g->count = 0;
	g->len = len;
	memcpy(g->subject, subject, len);
	return g;
}

/* ---- telling ---- */

static void tell_group(struct wd_fold *fo, struct wd_page *p, struct group *g)
{
	wd_page_line(p, 0, p->body);
	wd_page_time(p, g->wall_ns);
	wd_page_own(p, "again" WD_PAGE_NBSP);
	wd_page_u64(p, g->pending);
	wd_page_own(p, g->pending == 1 ? WD_PAGE_NBSP "time" : WD_PAGE_NBSP "times");
	if (g->count > g->pending + 1) {
		wd_page_own(p, " (");
		wd_page_u64(p, g->count);
		wd_page_own(p, WD_PAGE_NBSP "in" WD_PAGE_NBSP "all)");
	}
	wd_page_own(p, ":" WD_PAGE_CHUNK);
	wd_buf_put(p->b, g->subject, g->len);
	wd_page_break(p);
	fo->pending -= g->pending;
	g->pending = 0;
}

static struct group *most_pending(const struct wd_fold *fo)
{
	struct group *most = NULL;

	for (uint32_t i = fo->group_index.newest; i != WD_LRU_NONE;
	     i = wd_lru_older(&fo->group_index, i))
		if (fo->groups[i].pending && (!most || fo->groups[i].pending > most->pending))
			most = &fo->groups[i];
	return most;
}

static void tell_rest(struct wd_fold *fo, struct wd_page *p)
{
	uint64_t groups = 0, pending = fo->pending;

	if (!pending)
		return;
	for (uint32_t i = fo->group_index.newest; i != WD_LRU_NONE;
	     i = wd_lru_older(&fo->group_index, i)) {
		groups += fo->groups[i].pending != 0;
		fo->groups[i].pending = 0;
	}
	wd_page_line(p, p->body, p->body);
	wd_page_own(p, "and" WD_PAGE_NBSP);
	wd_page_u64(p, pending);
	wd_page_own(p, " more like earlier ones");
	if (groups) {
		wd_page_own(p, ", of" WD_PAGE_NBSP);
		wd_page_u64(p, groups);
		wd_page_own(p, groups == 1 ? " kind" : " kinds");
	}
	wd_page_break(p);
	fo->pending = 0;
	fo->forgotten = 0;
}

void wd_fold_flush(struct wd_fold *fo, struct wd_buf *b, const struct wd_text_style *st)
{
	struct group *g;
	struct wd_page p;

	if (!fo->pending)
		return;
	wd_page_begin(&p, b, st);
	for (unsigned int i = 0; i < TELL_LINES && (g = most_pending(fo)); i++)
		tell_group(fo, &p, g);
	tell_rest(fo, &p);
	wd_page_end(&p);
}

void wd_fold_tick(struct wd_fold *fo, struct wd_buf *b, const struct wd_text_style *st,
                  uint64_t now_ns)
{
	if (fo->pending && now_ns - fo->pending_since >= fo->tell_ns)
		wd_fold_flush(fo, b, st);
}

/* ---- attempts ---- */

static struct attempt *find_attempt(const struct wd_fold *fo, uint64_t id, uint32_t *ret_slot)
{
	uint32_t slot = wd_lru_first(&fo->attempt_index, id);

	*ret_slot = slot;
	return slot == WD_LRU_NONE ? NULL : &fo->attempts[slot];
}

static void remember_attempt(struct wd_fold *fo, const struct wd_finding *f, bool printed)
{
	uint32_t slot;

	if (!find_attempt(fo, f->id, &slot)) {
		fo->stats.attempts_evicted += wd_lru_victim(&fo->attempt_index) != WD_LRU_NONE;
		slot = wd_lru_insert(&fo->attempt_index, f->id);
	}
	fo->attempts[slot] = (struct attempt){
		.id = f->id,
		.said = {f->cause, f->confidence, f->outcome},
		.backend_known = f->backend.known,
		.backend = f->backend.ip,
		.backend_port = f->backend.port,
		.printed = printed,
	};
}

static bool says_the_same(const struct attempt *a, const struct wd_finding *f)
{
	return a->said.cause == f->cause && a->said.confidence == f->confidence &&
	       a->said.outcome == f->outcome && a->backend_known == f->backend.known &&
	       (!a->backend_known ||
	        (a->backend_port == f->backend.port && wd_addr_equal(&a->backend, &f->backend.ip)));
}

/* The line that closes an interim answer which turned out right. */
static void tell_ended(struct wd_buf *b, const struct wd_finding *f, const struct wd_text_style *st)
{
	struct wd_page p;

	wd_page_begin(&p, b, st);
	wd_page_line(&p, 0, p.body);
	wd_page_time(&p, f->wall_ns);
	wd_page_own(&p, "ended: ");
	wd_phrase_outcome(&p, f);
	wd_page_own(&p, "; answer as shown:" WD_PAGE_CHUNK);
	wd_phrase_who(&p, f);
	wd_page_own(&p, WD_PAGE_CHUNK);
	wd_phrase_target(&p, f);
	wd_page_own(&p, "," WD_PAGE_CHUNK);
	wd_page_own(&p, wd_cause_headline(f->cause));
	wd_page_break(&p);
	wd_page_end(&p);
}

static uint64_t *tally_of(struct wd_fold *fo, enum wd_cause cause)
{
	return &fo->tally.cause[(unsigned int)cause < WD_CAUSE_MAX ? cause : WD_CAUSE_UNKNOWN];
}

static void count_cause(struct wd_fold *fo, const struct attempt *before, enum wd_cause cause)
{
	if (before)
		--*tally_of(fo, before->said.cause);
	else
		fo->tally.total++;
	++*tally_of(fo, cause);
}

/* Whether f is but one more of a group that the reader has seen lately. */
static bool fold_into(struct wd_fold *fo, struct group *g, const struct wd_finding *f,
                      uint64_t now_ns)
{
	if (now_ns - g->printed_ns >= fo->window_ns)
		return false;
	if (!fo->pending)
		fo->pending_since = now_ns;
	fo->pending++;
	g->pending++;
	g->count++;
	g->wall_ns = f->wall_ns;
	fo->stats.folded++;
	return true;
}

static bool print_or_fold(struct wd_fold *fo, struct wd_buf *b, const struct wd_finding *f,
                          const struct attempt *before, const struct wd_text_style *st,
                          uint64_t now_ns)
{
	char subject[SUBJECT_MAX];
	size_t len = render_subject(b, f, subject);
	struct group *g = len ? find_group(fo, subject, len) : NULL;

	if (g && fold_into(fo, g, f, now_ns))
		return false;
	if (len) {
		g = g ? g : add_group(fo, subject, len);
		g->count++;
		g->printed_ns = now_ns;
		g->wall_ns = f->wall_ns;
	}
	wd_text_finding_revised(b, f, before && before->printed ? &before->said : NULL, st);
	fo->stats.printed++;
	return true;
}

void wd_fold_finding(struct wd_fold *fo, struct wd_buf *b, const struct wd_finding *f,
                     const struct wd_text_style *st, uint64_t now_ns)
{
	struct attempt *before;
	uint32_t slot = WD_LRU_NONE;
	bool printed;

	wd_fold_tick(fo, b, st, now_ns);
	/* Without an id nothing can be known about what came before. */
	before = f->id ? find_attempt(fo, f->id, &slot) : NULL;
	if (before && says_the_same(before, f)) {
		if (f->final) {
			fo->stats.ended++;
			if (before->printed)
				tell_ended(b, f, st);
			wd_lru_remove(&fo->attempt_index, slot);
		}
		return;
	}
	count_cause(fo, before, f->cause);
	printed = print_or_fold(fo, b, f, before, st, now_ns);
	if (!f->final && f->id)
		remember_attempt(fo, f, printed);
	else if (before)
		wd_lru_remove(&fo->attempt_index, slot);
}
