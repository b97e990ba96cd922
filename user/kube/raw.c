/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/raw.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kube/fetch.h"
#include "kube/split.h"

#define LIMIT     500
#define PAGES_MAX 20000

struct wd_raw {
	struct wd_client *client;
	struct wd_raw_request q;
	struct wd_fetch *fetch;
	struct wd_split *split;
	char path[256], selector[400];
	char next[WD_FETCH_NEXT_MAX];
	char version[128];
	unsigned int pages, expired;
	uint64_t skipped;
	int item_error;
};

static int ask(struct wd_raw *r);

static int each(const char *json, size_t n, void *ctx)
{
	struct wd_raw *r = ctx;
	int e = r->q.item(json, n, r->q.ctx);

	r->item_error = e < 0 ? e : 0;
	return e;
}

static int on_body(const char *bytes, size_t n, void *ctx)
{
	struct wd_raw *r = ctx;

	return wd_split_feed(r->split, bytes, n);
}

static void over(struct wd_raw *r, const struct wd_kube_failure *f)
{
	r->q.done(f, r->skipped, r->version, r->q.ctx);
}

static void unreadable(struct wd_raw *r, const char *why)
{
	struct wd_kube_failure f = {.stage = WD_KUBE_STAGE_MAX};

	wd_kube_failure_set(&f, WD_KUBE_STAGE_BODY, -EPROTO,
	                    "the API server's answer cannot be read: %s", why);
	over(r, &f);
}

static void page_done(struct wd_raw *r)
{
	struct wd_kube_failure none = {.stage = WD_KUBE_STAGE_MAX, .status = 200};
	struct wd_kube_envelope e;
	char err[WD_PARSE_ERRLEN];
	const char *json;
	size_t n = 0;

	if (wd_split_end(r->split)) {
		unreadable(r, wd_split_error(r->split));
		return;
	}
	r->skipped += wd_split_skipped(r->split);
	json = wd_split_envelope(r->split, &n);
	if (wd_parse_envelope(r->client->parse, json ? json : "", n, &e, err)) {
		unreadable(r, err);
		return;
	}
	snprintf(r->version, sizeof(r->version), "%s", e.resource_version);
	if (!e.next[0]) {
		over(r, &none);
	} else if (strlen(e.next) >= sizeof(r->next) || ++r->pages >= PAGES_MAX) {
		unreadable(r, "its list has no end");
	} else {
		snprintf(r->next, sizeof(r->next), "%s", e.next);
		if (ask(r))
			unreadable(r, "no memory");
	}
}

static void on_done(const struct wd_kube_failure *f, void *ctx)
{
	struct wd_raw *r = ctx;
	struct wd_kube_failure out = *f;

	if (f->stage == WD_KUBE_STAGE_MAX) {
		page_done(r);
		return;
	}
	/* the list went on without us: the rest of it as it is now is better than none */
	if (f->status == 410 && wd_fetch_next(r->fetch)[0] && r->expired++ < 8) {
		snprintf(r->next, sizeof(r->next), "%s", wd_fetch_next(r->fetch));
		if (ask(r) == 0)
			return;
	}
	if (r->item_error)
		wd_kube_failure_set(&out, WD_KUBE_STAGE_BODY, r->item_error, "%s",
		                    strerror(-r->item_error));
	else if (f->stage == WD_KUBE_STAGE_BODY && f->error == -EPROTO && r->split &&
	         wd_split_error(r->split)[0])
		wd_kube_failure_set(&out, WD_KUBE_STAGE_BODY, -EPROTO,
		                    "the API server's answer cannot be read: %s",
		                    wd_split_error(r->split));
	over(r, &out);
}

static int ask(struct wd_raw *r)
{
	char target[WD_FETCH_NEXT_MAX * 3 + 900];
	struct wd_fetch_request q = {
		.target = target,
		.idle_ms = r->client->times.idle_ms,
		.total_ms = r->client->times.list_ms,
		.body = on_body,
		.done = on_done,
		.ctx = r,
	};
	int n, e;

	n = snprintf(target, sizeof(target), "%s?limit=%d%s%s%s", r->path, LIMIT,
	             r->selector[0] ? "&fieldSelector=" : "", r->selector,
	             r->next[0] ? "&continue=" : "");
	wd_fetch_escape(target + n, sizeof(target) - (size_t)n, r->next);
	wd_split_free(r->split);
	r->split = NULL;
	e = wd_split_new(WD_SPLIT_LIST, each, r, &r->split);
	return e ? e : wd_fetch_get(r->fetch, &q);
}

int wd_raw_start(struct wd_client *client, const struct wd_raw_request *q, struct wd_raw **ret)
{
	struct wd_raw *r;
	int e;

	if (strlen(q->path) >= sizeof(r->path) ||
	    (q->selector && strlen(q->selector) >= sizeof(r->selector)))
		return -ENAMETOOLONG;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->client = client;
	r->q = *q;
	snprintf(r->path, sizeof(r->path), "%s", q->path);
	snprintf(r->selector, sizeof(r->selector), "%s", q->selector ? q->selector : "");
	e = wd_fetch_new(client, &r->fetch);
	if (!e)
		e = ask(r);
	if (e)
		wd_raw_free(r);
	else
		*ret = r;
	return e;
}

void wd_raw_free(struct wd_raw *r)
{
	if (!r)
		return;
	wd_fetch_free(r->fetch);
	wd_split_free(r->split);
	free(r);
}
