/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers and their surroundings as text for people or JSON Lines for programs.
 *
 * An output appends to a caller's buffer; it does no I/O and allocates nothing else.
 * Everything from outside is escaped here, at the last moment. Each call appends
 * whole lines or nothing: when the buffer's cap or memory does not suffice, `err` of
 * the buffer is set and its content ends where it ended before the call.
 */
#ifndef WD_OUTPUT_OUTPUT_H
#define WD_OUTPUT_OUTPUT_H

#include <stdbool.h>

#include "base/buf.h"
#include "model/finding.h"
#include "model/stats.h"

struct wd_output_start {
	uint64_t wall_ns;
	const char *version, *kernel, *node;
	const char *const *targets;
	unsigned int n_targets;
	const struct wd_output_probe *probes;
	unsigned int n_probes;
	const char *api; /* URL of the Kubernetes API, or why it is not asked; NULL: not said */
	bool has_api;
};

struct wd_output_probe {
	const char *point;
	const char *way;  /* NULL: not available */
	const char *lost; /* in words: what is missing without it; NULL when it is there */
	bool minor;       /* answers are less exact without it, not fewer */
};

/* JSON Lines: one object and a newline each. */
void wd_json_finding(struct wd_buf *b, const struct wd_finding *f, const char *node);
void wd_json_start(struct wd_buf *b, const struct wd_output_start *s);
void wd_json_stats(struct wd_buf *b, const struct wd_stats *s, uint64_t wall_ns, const char *node);
void wd_json_end(struct wd_buf *b, const struct wd_stats *s, uint64_t wall_ns, uint64_t elapsed_ms,
                 const char *why, const char *node);

/* Text for a terminal of `width` columns (0: no wrapping, e.g. a pipe; less than 40
 * counts as 40). No line is wider, unless a single word is. */
struct wd_text_style {
	unsigned int width;
	bool colour;
};

void wd_text_finding(struct wd_buf *b, const struct wd_finding *f, const struct wd_text_style *st);

/* What an earlier answer on the same attempt said. */
struct wd_text_revision {
	enum wd_cause cause;
	enum wd_confidence confidence;
	enum wd_outcome outcome;
};

/* The same for an answer that replaces the earlier one (NULL: none): it says so, lest one
 * failure be taken for two. */
void wd_text_finding_revised(struct wd_buf *b, const struct wd_finding *f,
                             const struct wd_text_revision *before, const struct wd_text_style *st);

/* How many attempts ended in each cause; an interim and its final answer are one. */
struct wd_output_tally {
	uint64_t total;
	uint64_t cause[WD_CAUSE_MAX];
};

struct wd_output_end {
	uint64_t wall_ns;
	uint64_t elapsed_ms;
	const char *why; /* "interrupted", "duration over"; NULL unknown */
	const struct wd_stats *stats;
	const struct wd_output_tally *tally;  /* NULL: only stats->findings is known */
	const struct wd_output_probe *probes; /* as at the start: the end says again what was */
	unsigned int n_probes;                /* not watched */
};

/* What is traced, which probes are missing and what that costs. */
void wd_text_start(struct wd_buf *b, const struct wd_output_start *s,
                   const struct wd_text_style *st);
/* One line: how much was seen until now, and what was lost, by name. */
void wd_text_stats(struct wd_buf *b, const struct wd_stats *s, uint64_t wall_ns,
                   const struct wd_text_style *st);
void wd_text_end(struct wd_buf *b, const struct wd_output_end *e, const struct wd_text_style *st);

/*
 * Folding of text output: of findings that say the same (client, target, backend, cause,
 * outcome) the first is printed in full, later ones are counted and told in short lines.
 * Nothing is dropped in silence: printed + folded = given, and every folded one is told.
 *
 * Pure: time is the caller's (monotonic, ns). Memory is fixed at wd_fold_new(). When a table is
 * full the entry not used for longest is forgotten and counted; the price is a finding printed
 * in full again, never one that is missing.
 */
struct wd_fold;

struct wd_fold_limits {
	unsigned int groups;   /* different findings remembered; 0: 512 */
	unsigned int attempts; /* attempts that go on; 0: 4096 */
	uint64_t tell_ns;      /* repeats are told at most this often; 0: 10 s */
	uint64_t window_ns;    /* after this a repeat is printed in full again; 0: 5 min */
};

struct wd_fold_stats {
	uint64_t printed; /* findings printed in full */
	uint64_t folded;  /* counted with an earlier one */
	uint64_t ended;   /* final answers that only confirmed the interim one */
	uint64_t groups_evicted;
	uint64_t attempts_evicted; /* their final answer counts as another attempt */
};

/* limits may be NULL. -EINVAL (a table of more than 16 Mi entries), -ENOMEM. */
int wd_fold_new(const struct wd_fold_limits *limits, struct wd_fold **ret);
void wd_fold_free(struct wd_fold *fo);
void wd_fold_finding(struct wd_fold *fo, struct wd_buf *b, const struct wd_finding *f,
                     const struct wd_text_style *st, uint64_t now_ns);
/* Tells what was folded, when it is time; to be called about once a second. */
void wd_fold_tick(struct wd_fold *fo, struct wd_buf *b, const struct wd_text_style *st,
                  uint64_t now_ns);
/* Tells it now: at the end. */
void wd_fold_flush(struct wd_fold *fo, struct wd_buf *b, const struct wd_text_style *st);
const struct wd_output_tally *wd_fold_tally(const struct wd_fold *fo);
const struct wd_fold_stats *wd_fold_stats(const struct wd_fold *fo);

#endif
