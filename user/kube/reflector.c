/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/reflector.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/clock.h"
#include "kube/reflector_internal.h"

/* A watch that the server ends sooner is not followed by the next at once. */
#define SHORT_NS (2 * WD_NSEC_PER_SEC)
/* Watches in a row that broke and brought nothing: the version may be what breaks them. */
#define BARREN_MAX 4
/* 1 000 000 objects by 500, and room for servers with smaller pages. */
#define PAGES_MAX 20000

static void list_begin(struct wd_reflector *r);
static void watch_begin(struct wd_reflector *r);

/* ---- turns ---------------------------------------------------------------------------------- */

static void timer_set(struct wd_reflector *r, unsigned int ms)
{
	struct timeval tv = {ms / 1000, ms % 1000 * 1000};

	event_add(r->timer, &tv);
}

static void slot_take(struct wd_reflector *r)
{
	struct wd_reflector **at = &r->env->waiting;

	if (r->slot || r->queued)
		return;
	if (r->env->listing < WD_REFLECTOR_LISTS) {
		r->env->listing++;
		r->slot = true;
		return;
	}
	while (*at)
		at = &(*at)->next_waiting;
	r->next_waiting = NULL;
	r->queued = true;
	*at = r;
}

static void slot_give(struct wd_reflector *r)
{
	struct wd_reflector *first = r->env->waiting;

	if (!r->slot)
		return;
	r->slot = false;
	r->env->listing--;
	if (!first || r->env->quiet)
		return;
	r->env->waiting = first->next_waiting;
	first->queued = false;
	first->slot = true;
	r->env->listing++;
	timer_set(first, 0);
}

static void split_drop(struct wd_reflector *r)
{
	if (r->split)
		r->skipped += wd_split_skipped(r->split);
	wd_split_free(r->split);
	r->split = NULL;
}

static void sync_end(struct wd_reflector *r, bool complete)
{
	if (r->syncing)
		wd_store_resync_end(r->env->store, r->kind, complete);
	r->syncing = false;
}

void wd_reflector_listed(struct wd_reflector *r, bool complete)
{
	sync_end(r, complete);
	slot_give(r);
}

/* Again after a while, from the watch if there is a version to watch from. */
static void retry(struct wd_reflector *r, unsigned int at_least_s)
{
	unsigned int ms = wd_backoff_next(&r->backoff);

	split_drop(r);
	wd_reflector_listed(r, false);
	r->phase = PHASE_WAIT;
	if (ms < at_least_s * 1000)
		ms = at_least_s * 1000 + wd_backoff_random(&r->backoff, 1000);
	timer_set(r, ms);
}

/* The version is of no more use. */
static void relist(struct wd_reflector *r)
{
	bool often = r->backoff.tries > 0;

	r->version[0] = '\0';
	r->fresh = true;
	r->barren = 0;
	if (often) {
		retry(r, 0);
		return;
	}
	wd_backoff_next(&r->backoff); /* the first is free, the second is not */
	split_drop(r);
	wd_reflector_listed(r, false);
	list_begin(r);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_reflector *r = ctx;

	(void)fd;
	(void)what;
	if (r->version[0] && !r->slot)
		watch_begin(r);
	else
		list_begin(r);
}

/* ---- questions ------------------------------------------------------------------------------ */

static void on_done(const struct wd_kube_failure *f, void *ctx);

static void ask(struct wd_reflector *r, enum wd_split_kind form, unsigned int idle_ms,
                unsigned int total_ms, const char *query)
{
	char target[WD_FETCH_NEXT_MAX * 3 + 1200];
	struct wd_fetch_request q = {
		.target = target,
		.idle_ms = idle_ms,
		.total_ms = total_ms,
		.body = wd_reflector_body,
		.done = on_done,
		.ctx = r,
	};
	int e;

	snprintf(target, sizeof(target), "%s/%s?%s%s%s%s", wd_resource_path(r->kind),
	         wd_resource_plural(r->kind), r->selector[0] ? "fieldSelector=" : "", r->selector,
	         r->selector[0] ? "&" : "", query);
	split_drop(r);
	r->verdict = VERDICT_NONE;
	r->retry_after_s = 0;
	e = wd_split_new(form,
	                 form == WD_SPLIT_LIST ? wd_reflector_each_item : wd_reflector_each_frame,
	                 r, &r->split);
	if (!e)
		e = wd_fetch_get(r->fetch, &q);
	if (e) {
		wd_reflector_problem(r, "cannot be asked for: %s", strerror(-e));
		retry(r, 0);
	}
}

/* A live watch, whose silence is no error until well after its end is due. */
static unsigned int watch_seconds(struct wd_reflector *r)
{
	unsigned int s = r->env->client->times.watch_s;

	return s + wd_backoff_random(&r->backoff, s + 1);
}

static void stream_begin(struct wd_reflector *r)
{
	const struct wd_kube_times *t = &r->env->client->times;
	char query[300];

	r->phase = PHASE_STREAM;
	snprintf(query, sizeof(query),
	         "watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&"
	         "allowWatchBookmarks=true&timeoutSeconds=%u",
	         watch_seconds(r));
	ask(r, WD_SPLIT_STREAM, t->idle_ms, t->list_ms, query);
}

/* The first list may come from the server's cache, of whatever age: the watch that follows makes up
 * for it, and it costs the server least. */
static void page_begin(struct wd_reflector *r)
{
	const struct wd_kube_times *t = &r->env->client->times;
	char query[WD_FETCH_NEXT_MAX * 3 + 100];
	int n = 0;

	r->phase = PHASE_PAGES;
	query[0] = '\0';
	if (!r->unpaged)
		n = snprintf(query, sizeof(query), "limit=%d", WD_REFLECTOR_LIMIT);
	if (r->next[0]) {
		n += snprintf(query + n, sizeof(query) - (size_t)n, "&continue=");
		wd_fetch_escape(query + n, sizeof(query) - (size_t)n, r->next);
	} else if (!r->fresh) {
		snprintf(query + n, sizeof(query) - (size_t)n, "%sresourceVersion=0", n ? "&" : "");
	}
	ask(r, WD_SPLIT_LIST, t->idle_ms, t->list_ms, query);
}

static void list_begin(struct wd_reflector *r)
{
	r->phase = PHASE_WAIT;
	slot_take(r);
	if (!r->slot)
		return; /* slot_give() of another wakes us */
	sync_end(r, false);
	r->skipped = 0;
	split_drop(r);
	r->skipped = 0;
	r->pages = 0;
	r->next[0] = '\0';
	r->version[0] = '\0';
	wd_store_resync_begin(r->env->store, r->kind);
	r->syncing = true;
	if (r->no_stream || r->env->no_watch)
		page_begin(r);
	else
		stream_begin(r);
}

static void watch_begin(struct wd_reflector *r)
{
	unsigned int s = watch_seconds(r);
	char query[3 * VERSION_MAX + 200], version[3 * VERSION_MAX + 8];

	r->phase = PHASE_WATCH;
	r->begun = wd_clock_monotonic_ns();
	r->fruit = false;
	wd_fetch_escape(version, sizeof(version), r->version);
	snprintf(query, sizeof(query),
	         "watch=1&resourceVersion=%s&allowWatchBookmarks=true&timeoutSeconds=%u", version,
	         s);
	ask(r, WD_SPLIT_STREAM, (s + 30) * 1000, 0, query);
}

/* ---- answers -------------------------------------------------------------------------------- */

static void malformed(struct wd_reflector *r, const char *why)
{
	wd_reflector_problem(r, "the API server's answer cannot be read: %s", why);
	/* from the same version the same would come again */
	if (r->phase == PHASE_WATCH && ++r->barren >= BARREN_MAX)
		r->version[0] = '\0';
	retry(r, 0);
}

static void listed(struct wd_reflector *r)
{
	wd_reflector_listed(r, true);
	r->state.complete = true;
	r->unpaged = false;
	r->heard = wd_clock_monotonic_ns();
	split_drop(r);
	wd_reflector_good(r, false);
	if (!r->version[0] || r->env->no_watch) {
		r->phase = PHASE_OVER;
		return;
	}
	watch_begin(r);
}

static void page_done(struct wd_reflector *r)
{
	struct wd_kube_envelope e;
	char err[WD_PARSE_ERRLEN];
	const char *json;
	size_t n = 0;

	if (wd_split_end(r->split)) {
		malformed(r, wd_split_error(r->split));
		return;
	}
	json = wd_split_envelope(r->split, &n);
	if (wd_parse_envelope(r->env->client->parse, json ? json : "", n, &e, err)) {
		malformed(r, err);
		return;
	}
	if (wd_resource_of_kind(e.kind) != r->kind && strcmp(e.kind, "List") != 0) {
		malformed(r, "it is a list of something else");
		return;
	}
	r->version[0] = '\0';
	if (!e.next[0]) {
		wd_reflector_version(r, e.resource_version);
		listed(r);
	} else if (strlen(e.next) >= sizeof(r->next) || ++r->pages >= PAGES_MAX) {
		malformed(r, "its list has no end");
	} else {
		snprintf(r->next, sizeof(r->next), "%s", e.next);
		page_begin(r);
	}
}

/* timeoutSeconds are over, or the server wants to be rid of us. */
static void watch_done(struct wd_reflector *r)
{
	bool cut = wd_split_end(r->split) != 0;
	bool brief = wd_clock_monotonic_ns() - r->begun < SHORT_NS;

	r->state.live = false;
	if (r->fruit || !brief)
		r->barren = 0;
	else if (brief && ++r->barren >= BARREN_MAX)
		r->version[0] = '\0';
	if (cut)
		wd_reflector_problem(r, "the watch ended in the middle of an object");
	if (cut || brief)
		retry(r, 0);
	else
		watch_begin(r);
}

static void stream_refused(struct wd_reflector *r)
{
	r->no_stream = true;
	split_drop(r);
	r->skipped = 0;
	page_begin(r);
}

static void judged(struct wd_reflector *r)
{
	switch (r->verdict) {
	case VERDICT_EXPIRED:
		r->state.live = false;
		wd_reflector_publish(r);
		relist(r);
		break;
	case VERDICT_NO_STREAM:
		/* what came before is put again by the pages */
		stream_refused(r);
		break;
	case VERDICT_SERVER:
		wd_reflector_problem(r, "the API server broke the watch off: %s", r->why);
		if (r->phase == PHASE_WATCH && !r->fruit && ++r->barren >= BARREN_MAX)
			r->version[0] = '\0';
		retry(r, r->retry_after_s);
		break;
	case VERDICT_MALFORMED:
		malformed(r, r->why);
		break;
	default:
		wd_reflector_problem(r, "no memory");
		retry(r, 0);
	}
}

static void absent(struct wd_reflector *r)
{
	const struct wd_kube_times *t = &r->env->client->times;

	split_drop(r);
	if (!r->syncing)
		wd_store_resync_begin(r->env->store, r->kind);
	r->syncing = true;
	wd_reflector_listed(r, true); /* it has no objects then */
	r->version[0] = '\0';
	r->problem[0] = '\0';
	r->heard = wd_clock_monotonic_ns();
	r->state.complete = r->state.live = false;
	r->state.absent = true;
	wd_reflector_publish(r);
	r->phase = r->env->no_watch ? PHASE_OVER : PHASE_WAIT;
	if (!r->env->no_watch)
		timer_set(r, t->absent_ms + wd_backoff_random(&r->backoff, t->absent_ms / 4 + 1));
}

/* Another status than 200. */
static void answered(struct wd_reflector *r, const struct wd_kube_failure *f)
{
	bool streaming = r->phase == PHASE_STREAM;

	if (f->status == 404 && strcmp(wd_resource_path(r->kind), "/api/v1") == 0) {
		/* every API server has these: this is none, or another path is meant */
		wd_reflector_problem(r, "%s: is the server of the configuration right?", f->text);
		r->version[0] = '\0';
		retry(r, 0);
	} else if (streaming && (f->status == 400 || f->status == 405 || f->status == 422)) {
		stream_refused(r);
	} else if (f->status == 404) {
		absent(r);
	} else if (f->status == 410) {
		/* of a continue token: the whole list in one piece, as client-go does */
		r->unpaged = r->phase == PHASE_PAGES && r->next[0];
		r->state.live = false;
		wd_reflector_publish(r);
		relist(r);
	} else {
		wd_reflector_problem(r, "cannot %s %s: %s",
		                     r->phase == PHASE_WATCH ? "watch" : "list",
		                     wd_resource_plural(r->kind), f->text);
		/* a server may fail at streaming lists alone */
		if (streaming && f->status / 100 == 5 && f->status != 503 && ++r->stream_fails >= 2)
			r->no_stream = true;
		if (f->status / 100 == 4 && f->status != 401 && f->status != 403 &&
		    f->status != 429)
			r->version[0] = '\0';
		retry(r, f->retry_after_s);
	}
}

static void broken(struct wd_reflector *r, const struct wd_kube_failure *f)
{
	bool watching = r->phase == PHASE_WATCH;

	/* a server that ignores sendInitialEvents never says where its list ends */
	if (r->phase == PHASE_STREAM && f->stage == WD_KUBE_STAGE_BODY && ++r->stream_fails >= 2)
		r->no_stream = true;
	wd_reflector_problem(r, "%s", f->text);
	if (watching && r->fruit)
		r->barren = 0;
	retry(r, f->retry_after_s);
}

static void on_done(const struct wd_kube_failure *f, void *ctx)
{
	struct wd_reflector *r = ctx;

	if (r->verdict)
		judged(r);
	else if (f->stage == WD_KUBE_STAGE_ANSWER)
		answered(r, f);
	else if (f->stage != WD_KUBE_STAGE_MAX)
		broken(r, f);
	else if (r->phase == PHASE_PAGES)
		page_done(r);
	else if (r->phase == PHASE_WATCH)
		watch_done(r);
	else
		malformed(r, "the streaming list ended before it was complete");
}

/* ---- life ----------------------------------------------------------------------------------- */

int wd_reflector_new(struct wd_reflector_env *env, enum wd_resource kind, const char *selector,
                     bool node_only, struct wd_reflector **ret)
{
	const struct wd_kube_times *t = &env->client->times;
	struct wd_reflector *r;
	uint64_t seed = 0;
	int e;

	if (strlen(selector) >= sizeof(r->selector))
		return -ENAMETOOLONG;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->env = env;
	r->kind = kind;
	r->state.node_only = node_only;
	snprintf(r->selector, sizeof(r->selector), "%s", selector);
	if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) < 0)
		seed = wd_clock_monotonic_ns() + (uint64_t)kind;
	wd_backoff_init(&r->backoff, t->retry_ms, t->retry_max_ms, seed);
	e = wd_fetch_new(env->client, &r->fetch);
	r->timer = event_new(env->client->loop, -1, 0, on_timer, r);
	if (e || !r->timer) {
		wd_reflector_free(r);
		return e ? e : -ENOMEM;
	}
	*ret = r;
	return 0;
}

void wd_reflector_start(struct wd_reflector *r)
{
	wd_reflector_publish(r);
	list_begin(r);
}

void wd_reflector_free(struct wd_reflector *r)
{
	struct wd_reflector **at;

	if (!r)
		return;
	for (at = &r->env->waiting; *at; at = &(*at)->next_waiting)
		if (*at == r) {
			*at = r->next_waiting;
			break;
		}
	wd_reflector_listed(r, false);
	wd_split_free(r->split);
	wd_fetch_free(r->fetch);
	if (r->timer)
		event_free(r->timer);
	free(r);
}
