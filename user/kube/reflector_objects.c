/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "kube/reflector_internal.h"

static int put(struct wd_reflector *r, const struct wd_object *o)
{
	int e = wd_store_put(r->env->store, o);

	if (e == -ENOMEM) {
		r->verdict = VERDICT_MEMORY;
		return -ECANCELED;
	}
	if (e)
		r->skipped++;
	return 0;
}

int wd_reflector_each_item(const char *json, size_t n, void *ctx)
{
	struct wd_reflector *r = ctx;
	struct wd_object o;
	char err[WD_PARSE_ERRLEN];

	if (wd_parse_object(r->env->client->parse, r->kind, json, n, &o, err)) {
		r->skipped++;
		return 0;
	}
	return put(r, &o);
}

/* An object that can no longer be read is not what the store still has. */
static void unreadable(struct wd_reflector *r, const struct wd_watch_frame *f)
{
	r->skipped++;
	if (wd_object_name(&f->object)[0])
		wd_store_delete(r->env->store, r->kind, wd_object_ns(&f->object),
		                wd_object_name(&f->object));
}

void wd_reflector_version(struct wd_reflector *r, const char *version)
{
	if (version[0] && strlen(version) < sizeof(r->version))
		snprintf(r->version, sizeof(r->version), "%s", version);
}

static int stop(struct wd_reflector *r, enum wd_reflector_verdict v, const char *why)
{
	r->verdict = v;
	snprintf(r->why, sizeof(r->why), "%s", why);
	return -ECANCELED;
}

/* Kubernetes before 1.32 knows no streaming lists, later ones can be without the etcd for it; they
 * say so with 400, 422 or, within the stream, with 500. */
static int frame_error(struct wd_reflector *r, const struct wd_kube_status *s)
{
	char why[WD_PARSE_ERRLEN + 64];

	if (s->code == 410 || strcmp(s->reason, "Expired") == 0 || strcmp(s->reason, "Gone") == 0)
		return stop(r, VERDICT_EXPIRED, "expired");
	snprintf(why, sizeof(why), "%.200s (%d)", s->message, s->code);
	r->retry_after_s = s->retry_after_s;
	if (r->phase == PHASE_STREAM && s->code != 429 && s->code != 503 && s->code != 504)
		return stop(r, VERDICT_NO_STREAM, why);
	return stop(r, VERDICT_SERVER, why);
}

static void stream_synced(struct wd_reflector *r)
{
	wd_reflector_listed(r, true);
	r->phase = PHASE_WATCH;
	r->begun = wd_clock_monotonic_ns();
	r->heard = r->begun;
	r->fruit = true;
	r->stream_fails = 0;
	r->state.complete = true;
	wd_backoff_reset(&r->backoff);
	wd_fetch_set_deadlines(r->fetch, (2 * r->env->client->times.watch_s + 30) * 1000, 0);
	wd_reflector_good(r, true);
}

int wd_reflector_each_frame(const char *json, size_t n, void *ctx)
{
	struct wd_reflector *r = ctx;
	struct wd_watch_frame f;
	char err[WD_PARSE_ERRLEN];

	if (wd_parse_frame(r->env->client->parse, r->kind, json, n, &f, err))
		return stop(r, VERDICT_MALFORMED, err);
	if (f.type == WD_WATCH_ERROR)
		return frame_error(r, &f.status);
	r->fruit = true;
	if (r->phase == PHASE_WATCH)
		wd_backoff_reset(&r->backoff);
	if (f.type == WD_WATCH_UNKNOWN)
		return 0;
	if (f.type == WD_WATCH_BOOKMARK) {
		/* within a streaming list no version is good but that of its end */
		if (r->phase == PHASE_STREAM && !f.initial_events_end)
			return 0;
		wd_reflector_version(r, f.resource_version);
		if (r->phase == PHASE_STREAM)
			stream_synced(r);
		return 0;
	}
	if (!f.readable)
		unreadable(r, &f);
	else if (f.type == WD_WATCH_DELETED)
		wd_store_delete(r->env->store, r->kind, wd_object_ns(&f.object),
		                wd_object_name(&f.object));
	else if (put(r, &f.object))
		return -ECANCELED;
	if (r->phase == PHASE_WATCH)
		wd_reflector_version(r, f.resource_version);
	return 0;
}

int wd_reflector_body(const char *bytes, size_t n, void *ctx)
{
	struct wd_reflector *r = ctx;
	int e;

	if (r->phase == PHASE_WATCH && !r->state.live) {
		/* before it is told: confirming again within a second tells nothing */
		r->heard = wd_clock_monotonic_ns();
		wd_reflector_good(r, true);
	}
	e = wd_split_feed(r->split, bytes, n);
	if (e == -EPROTO && !r->verdict)
		return stop(r, VERDICT_MALFORMED, wd_split_error(r->split));
	if (e == -ENOMEM)
		return stop(r, VERDICT_MEMORY, "no memory");
	if (!e && r->phase == PHASE_WATCH)
		wd_reflector_confirm(r);
	return e;
}
