/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/wants.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "base/lru.h"
#include "kube/fetch.h"
#include "kube/split.h"

/* After a failure: reading the rest of a burst of findings must not ask again for each. */
#define FAILED_MS 5000

struct entry {
	struct wd_addr ip;
	enum wd_want answer;
	uint64_t until;            /* monotonic; while not pending */
	char *pods[WD_WANTS_PODS]; /* "namespace/name", put by us */
	unsigned int n_pods;
};

struct lane {
	struct wd_wants *owner;
	struct wd_fetch *fetch; /* NULL: not yet needed */
	struct wd_split *split;
	bool busy, broken;
	struct wd_addr ip;
	struct entry found; /* only its pods */
};

struct wd_wants {
	struct wd_client *client;
	struct wd_store *store;
	struct wd_lru index;
	struct entry entries[WD_WANTS_MAX];
	struct wd_addr queue[WD_WANTS_QUEUE];
	unsigned int first, waiting;
	struct lane lanes[WD_WANTS_LANES];
};

static uint64_t hash_of(const struct wd_addr *a)
{
	uint64_t hi, lo;

	memcpy(&hi, a->b, 8);
	memcpy(&lo, a->b + 8, 8);
	return hi * 0x9e3779b97f4a7c15ull ^ lo;
}

static uint32_t find(const struct wd_wants *w, const struct wd_addr *ip)
{
	uint32_t s = wd_lru_first(&w->index, hash_of(ip));

	while (s != WD_LRU_NONE && !wd_addr_equal(&w->entries[s].ip, ip))
		s = wd_lru_next(&w->index, s);
	return s;
}

/* ---- pods of an entry ----------------------------------------------------------------------- */

static bool has_pod(const struct entry *e, const char *pod)
{
	for (unsigned int i = 0; i < e->n_pods; i++)
		if (strcmp(e->pods[i], pod) == 0)
			return true;
	return false;
}

static void pods_forget(struct entry *e)
{
	for (unsigned int i = 0; i < e->n_pods; i++)
		free(e->pods[i]);
	e->n_pods = 0;
}

/* One that is watched meanwhile is not ours to delete. */
static void pod_delete(struct wd_wants *w, const char *pod)
{
	const char *slash = strchr(pod, '/');
	const struct wd_object *o;
	char ns[256];

	if (!slash || (size_t)(slash - pod) >= sizeof(ns))
		return;
	snprintf(ns, sizeof(ns), "%.*s", (int)(slash - pod), pod);
	o = wd_store_get(w->store, WD_RESOURCE_POD, ns, slash + 1);
	if (o && o->pod.on_demand)
		wd_store_delete(w->store, WD_RESOURCE_POD, ns, slash + 1);
}

static void evict(struct wd_wants *w, struct entry *e)
{
	for (unsigned int i = 0; i < e->n_pods; i++)
		pod_delete(w, e->pods[i]);
	pods_forget(e);
}

/* What was found takes the place of what was found before. */
static void replace(struct wd_wants *w, struct entry *e, struct entry *found)
{
	for (unsigned int i = 0; i < e->n_pods; i++)
		if (!has_pod(found, e->pods[i]))
			pod_delete(w, e->pods[i]);
	pods_forget(e);
	memcpy(e->pods, found->pods, sizeof(e->pods));
	e->n_pods = found->n_pods;
	found->n_pods = 0;
}

static int each_pod(const char *json, size_t n, void *ctx)
{
	struct lane *l = ctx;
	struct wd_wants *w = l->owner;
	const struct wd_object *known;
	char err[WD_PARSE_ERRLEN], *pod;
	struct wd_object o;

	if (l->found.n_pods == WD_WANTS_PODS ||
	    wd_parse_object(w->client->parse, WD_RESOURCE_POD, json, n, &o, err))
		return 0;
	known = wd_store_get(w->store, WD_RESOURCE_POD, o.pod.ns, o.pod.name);
	if (known && !known->pod.on_demand)
		return 0; /* the watch knows it better */
	if (asprintf(&pod, "%s/%s", o.pod.ns, o.pod.name) < 0)
		return -ENOMEM;
	o.pod.on_demand = true;
	if (wd_store_put(w->store, &o)) {
		free(pod);
		return 0;
	}
	l->found.pods[l->found.n_pods++] = pod;
	return 0;
}

/* ---- questions ------------------------------------------------------------------------------ */

static void serve(struct wd_wants *w);

static int on_body(const char *bytes, size_t n, void *ctx)
{
	struct lane *l = ctx;
	int r = wd_split_feed(l->split, bytes, n);

	l->broken |= r < 0;
	return r;
}

/* good: the API answered. */
static void settle(struct lane *l, bool good)
{
	const struct wd_kube_times *t = &l->owner->client->times;
	uint32_t s = find(l->owner, &l->ip);
	const struct wd_pod *pod;
	struct entry *e;
	unsigned int ms = FAILED_MS;

	if (s == WD_LRU_NONE) { /* evicted meanwhile */
		evict(l->owner, &l->found);
		return;
	}
	e = &l->owner->entries[s];
	e->answer = WD_WANT_FAILED;
	if (good) {
		replace(l->owner, e, &l->found);
		/* it may be a watched one, which was not put again */
		e->answer = wd_store_pods_by_ip(l->owner->store, &l->ip, &pod, 1) ? WD_WANT_FOUND
		                                                                  : WD_WANT_NONE;
		ms = e->answer == WD_WANT_FOUND ? t->positive_ms : t->negative_ms;
	} else {
		/* what was known before stays */
		for (unsigned int i = 0; i < l->found.n_pods; i++)
			if (!has_pod(e, l->found.pods[i]))
				pod_delete(l->owner, l->found.pods[i]);
		pods_forget(&l->found);
	}
	e->until = wd_clock_monotonic_ns() + ms * WD_NSEC_PER_MSEC;
}

static void on_done(const struct wd_kube_failure *f, void *ctx)
{
	struct lane *l = ctx;
	struct wd_wants *w = l->owner;

	settle(l, f->stage == WD_KUBE_STAGE_MAX && !l->broken && wd_split_end(l->split) == 0);
	wd_split_free(l->split);
	l->split = NULL;
	l->busy = false;
	serve(w);
}

static int lane_ask(struct lane *l, const struct wd_addr *ip)
{
	const struct wd_kube_times *t = &l->owner->client->times;
	char target[300], text[WD_ADDR_STRLEN], escaped[3 * WD_ADDR_STRLEN];
	struct wd_fetch_request q = {
		.target = target,
		.idle_ms = t->idle_ms,
		.total_ms = t->idle_ms,
		.body = on_body,
		.done = on_done,
		.ctx = l,
	};
	int r = 0;

	l->ip = *ip;
	l->broken = false;
	wd_fetch_escape(escaped, sizeof(escaped), wd_addr_format(ip, text));
	snprintf(target, sizeof(target), "%s/%s?fieldSelector=status.podIP%%3D%s&limit=%d",
	         wd_resource_path(WD_RESOURCE_POD), wd_resource_plural(WD_RESOURCE_POD), escaped,
	         WD_WANTS_PODS);
	if (!l->fetch)
		r = wd_fetch_new(l->owner->client, &l->fetch);
	if (!r)
		r = wd_split_new(WD_SPLIT_LIST, each_pod, l, &l->split);
	if (!r)
		r = wd_fetch_get(l->fetch, &q);
	if (r) {
		wd_split_free(l->split);
		l->split = NULL;
		settle(l, false);
		return r;
	}
	l->busy = true;
	return 0;
}

static void serve(struct wd_wants *w)
{
	for (unsigned int i = 0; i < WD_WANTS_LANES && w->waiting; i++) {
		while (!w->lanes[i].busy && w->waiting) {
			struct wd_addr ip = w->queue[w->first];

			w->first = (w->first + 1) % WD_WANTS_QUEUE;
			w->waiting--;
			lane_ask(&w->lanes[i], &ip);
		}
	}
}

static bool is_link_local(const struct wd_addr *a)
{
	if (wd_addr_is_v4(a))
		return a->b[12] == 169 && a->b[13] == 254;
	return a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static int enqueue(struct wd_wants *w, uint32_t slot)
{
	w->entries[slot].answer = WD_WANT_PENDING;
	w->queue[(w->first + w->waiting++) % WD_WANTS_QUEUE] = w->entries[slot].ip;
	serve(w);
	return (int)w->entries[slot].answer;
}

int wd_wants_ask(struct wd_wants *w, const struct wd_addr *ip)
{
	uint32_t s = find(w, ip), victim;
	struct entry *e;

	if (wd_addr_is_any(ip) || wd_addr_is_loopback(ip) || wd_addr_is_multicast(ip) ||
	    is_link_local(ip))
		return -EINVAL;
	if (s != WD_LRU_NONE) {
		wd_lru_touch(&w->index, s);
		e = &w->entries[s];
		if (e->answer == WD_WANT_PENDING || wd_clock_monotonic_ns() < e->until)
			return (int)e->answer;
	}
	if (w->waiting == WD_WANTS_QUEUE)
		return -ENOBUFS;
	if (s == WD_LRU_NONE) {
		victim = wd_lru_victim(&w->index);
		if (victim != WD_LRU_NONE)
			evict(w, &w->entries[victim]);
		s = wd_lru_insert(&w->index, hash_of(ip));
		w->entries[s] = (struct entry){.ip = *ip};
	}
	return enqueue(w, s);
}

int wd_wants_new(struct wd_client *client, struct wd_store *store, struct wd_wants **ret)
{
	struct wd_wants *w = calloc(1, sizeof(*w)); /* untouched pages cost nothing */
	int r;

	if (!w)
		return -ENOMEM;
	r = wd_lru_init(&w->index, WD_WANTS_MAX);
	if (r) {
		free(w);
		return r;
	}
	w->client = client;
	w->store = store;
	for (unsigned int i = 0; i < WD_WANTS_LANES; i++)
		w->lanes[i].owner = w;
	*ret = w;
	return 0;
}

void wd_wants_free(struct wd_wants *w)
{
	if (!w)
		return;
	for (unsigned int i = 0; i < WD_WANTS_LANES; i++) {
		wd_fetch_free(w->lanes[i].fetch);
		wd_split_free(w->lanes[i].split);
		pods_forget(&w->lanes[i].found);
	}
	for (uint32_t s = w->index.newest; s != WD_LRU_NONE; s = wd_lru_older(&w->index, s))
		pods_forget(&w->entries[s]);
	wd_lru_release(&w->index);
	free(w);
}
