/* SPDX-License-Identifier: Apache-2.0 */
/* Within the reflector: reflector.c asks and waits, reflector_objects.c takes answers apart,
 * reflector_state.c tells what is known. */
#ifndef WD_KUBE_REFLECTOR_INTERNAL_H
#define WD_KUBE_REFLECTOR_INTERNAL_H

#include <stdint.h>

#include "kube/backoff.h"
#include "kube/fetch.h"
#include "kube/reflector.h"
#include "kube/split.h"

struct event;

#define VERSION_MAX 128

enum wd_reflector_phase {
	PHASE_WAIT, /* for the timer, or for a slot */
	PHASE_STREAM,
	PHASE_PAGES,
	PHASE_WATCH,
	PHASE_OVER, /* no_watch, and listed */
};

/* Why our own callback ended a body. */
enum wd_reflector_verdict {
	VERDICT_NONE,
	VERDICT_EXPIRED,   /* 410 within the stream */
	VERDICT_NO_STREAM, /* streaming lists are not served */
	VERDICT_SERVER,    /* another ERROR */
	VERDICT_MALFORMED,
	VERDICT_MEMORY,
};

struct wd_reflector {
	struct wd_reflector_env *env;
	enum wd_resource kind;
	char selector[400];
	struct wd_fetch *fetch;
	struct wd_split *split;
	struct event *timer;
	struct wd_backoff backoff;
	enum wd_reflector_phase phase;
	bool slot, queued; /* holds one; waits for one */
	struct wd_reflector *next_waiting;

	bool no_stream, unpaged, fresh; /* fresh: not from the server's cache */
	bool syncing;                   /* between resync_begin() and _end() */
	unsigned int pages, barren, stream_fails;
	char version[VERSION_MAX];    /* resourceVersion to watch from; "" none */
	char next[WD_FETCH_NEXT_MAX]; /* continue */
	uint64_t begun;               /* of the watch, monotonic */
	bool fruit;                   /* the watch brought something */
	uint64_t heard, told;         /* monotonic: last confirmed; last put into the state */
	uint64_t skipped;             /* of the list and the watch since */
	struct wd_store_state state;
	char problem[WD_KUBE_FAILURE_LEN + 64];
	enum wd_reflector_verdict verdict;
	unsigned int retry_after_s;
	char why[WD_PARSE_ERRLEN + 64]; /* of the verdict */
};

/* ---- reflector_state.c ---- */

/* Into the store. */
void wd_reflector_publish(struct wd_reflector *r);
/* No longer live, and why; the same words are logged once. */
__attribute__((format(printf, 2, 3))) void wd_reflector_problem(struct wd_reflector *r,
                                                                const char *fmt, ...);
void wd_reflector_good(struct wd_reflector *r, bool live);
/* The source confirmed what we have. */
void wd_reflector_confirm(struct wd_reflector *r);

/* ---- reflector_objects.c ---- */

/* Piece by piece; negative after a verdict. */
int wd_reflector_body(const char *bytes, size_t n, void *ctx);
int wd_reflector_each_item(const char *json, size_t n, void *ctx);
int wd_reflector_each_frame(const char *json, size_t n, void *ctx);
void wd_reflector_version(struct wd_reflector *r, const char *version);

/* ---- reflector.c ---- */

/* A list is over: its slot goes to the next. */
void wd_reflector_listed(struct wd_reflector *r, bool complete);

#endif
