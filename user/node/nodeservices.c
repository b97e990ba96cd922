/* SPDX-License-Identifier: Apache-2.0 */
#include "node/nodeservices.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/clock.h"
#include "model/store.h"
#include "node/elements.h"
#include "node/procfs.h"

/* 100 000 real servers */
#define IPVS_MAX (16u << 20)

#define ALL ((1u << WD_DUMP_MAX) - 1)

struct wd_nodeservices {
	struct wd_nodeservices_options o;
	struct wd_store *store;
	struct wd_dumps *dumps;
	uint64_t begun_ns, begun_wall_ns, known_ns; /* known: begin of the last that ended */
	struct wd_kubeproxy_report report;

	struct wd_kubeproxy *k; /* of the refresh under way */
	struct wd_elements elements;
	char failed[256]; /* the first dump that cannot be believed, and why; "" none */
};

static const enum wd_kubeproxy_source sources[WD_DUMP_MAX] = {
	[WD_DUMP_IPTABLES_LEGACY] = WD_KUBEPROXY_LEGACY,
	[WD_DUMP_IP6TABLES_LEGACY] = WD_KUBEPROXY_LEGACY6,
	[WD_DUMP_IPTABLES_NFT] = WD_KUBEPROXY_NFT,
	[WD_DUMP_IP6TABLES_NFT] = WD_KUBEPROXY_NFT6,
	[WD_DUMP_NFT] = WD_KUBEPROXY_TABLES,
};

static int on_element(const char *json, size_t n, void *ctx)
{
	struct wd_nodeservices *s = ctx;

	return wd_kubeproxy_nft_element(s->k, json, n);
}

/* ---- dumps -------------------------------------------------------------------------------------
 */

static void on_begin(void *ctx, enum wd_dump which)
{
	struct wd_nodeservices *s = ctx;

	if (which == WD_DUMP_NFT)
		wd_elements_init(&s->elements, on_element, s);
	else
		wd_kubeproxy_iptables_begin(s->k, sources[which]);
	if (s->o.tap && s->o.tap->begin)
		s->o.tap->begin(s->o.tap_ctx, which);
}

static int on_data(void *ctx, enum wd_dump which, const char *p, size_t n)
{
	struct wd_nodeservices *s = ctx;
	int r, tap = 0;

	if (s->o.tap)
		tap = s->o.tap->data(s->o.tap_ctx, which, p, n);
	r = which == WD_DUMP_NFT ? wd_elements_feed(&s->elements, p, n)
	                         : wd_kubeproxy_iptables(s->k, p, n);
	return r < 0 ? r : tap;
}

static void fail(struct wd_nodeservices *s, const char *why)
{
	if (!s->failed[0])
		snprintf(s->failed, sizeof(s->failed), "%s", why);
}

static void on_end(void *ctx, enum wd_dump which, const struct wd_dump_state *st)
{
	struct wd_nodeservices *s = ctx;
	bool fed = st->result == WD_DUMP_DONE || st->result == WD_DUMP_FAILED;
	char text[128];
	int r = 0;

	if (which == WD_DUMP_NFT && fed) {
		/* nft prints nothing at all where there is nothing */
		r = st->bytes ? wd_elements_end(&s->elements) : 0;
		if (s->elements.skipped)
			fail(s, "an element of nft's output was too long");
		wd_elements_release(&s->elements);
	} else if (fed) {
		r = wd_kubeproxy_iptables_end(s->k);
	}
	if (st->result == WD_DUMP_FAILED) {
		fail(s, st->message);
	} else if (r < 0) {
		snprintf(text, sizeof(text), "output of %s: %s", wd_dump_tool(which),
		         r == -EPROTO ? "is not whole" : strerror(-r));
		fail(s, text);
	}
	if (s->o.tap && s->o.tap->end)
		s->o.tap->end(s->o.tap_ctx, which, st);
}

/* ---- the store ---------------------------------------------------------------------------------
 */

static void ipvs_read(struct wd_nodeservices *s)
{
	const char *proc = s->o.dumps.proc ? s->o.dumps.proc : "/proc";
	struct wd_buf b;
	char path[256];
	int r;

	wd_buf_init(&b, IPVS_MAX);
	snprintf(path, sizeof(path), "%.200s/net/ip_vs", proc);
	r = wd_procfs_read(AT_FDCWD, path, &b);
	if (r >= 0 && wd_kubeproxy_ipvs(s->k, b.data ? b.data : "", b.len) < 0)
		fail(s, "ip_vs: no memory");
	if (r > 0)
		fail(s, "/proc/net/ip_vs is too long");
	wd_buf_release(&b);
}

/* The source of the same mode and the other family. */
static enum wd_dump other_family(enum wd_dump which)
{
	switch (which) {
	case WD_DUMP_IPTABLES_LEGACY:
		return WD_DUMP_IP6TABLES_LEGACY;
	case WD_DUMP_IP6TABLES_LEGACY:
		return WD_DUMP_IPTABLES_LEGACY;
	case WD_DUMP_IPTABLES_NFT:
		return WD_DUMP_IP6TABLES_NFT;
	case WD_DUMP_IP6TABLES_NFT:
		return WD_DUMP_IPTABLES_NFT;
	default:
		return which;
	}
}

/* Why it is not all; NULL: it is. */
static const char *problem(const struct wd_nodeservices *s)
{
	const struct wd_kubeproxy_report *r = &s->report;
	const char *missing = NULL;
	bool seen = r->seen[WD_KUBEPROXY_IPVS];

	if (s->failed[0])
		return s->failed;
	if (r->cut)
		return "kube-proxy has more rules than are read";
	for (unsigned int i = 0; i < WD_DUMP_MAX; i++)
		seen = seen || r->seen[sources[i]];
	for (unsigned int i = 0; i < WD_DUMP_MAX; i++) {
		const struct wd_dump_state *st = wd_dumps_state(s->dumps, i);

		if (st->result == WD_DUMP_NO_TOOL && (!seen || r->seen[sources[other_family(i)]]))
			missing = missing ? missing : st->message;
	}
	if (missing)
		return missing;
	return seen ? NULL : "there are no rules of kube-proxy on this node";
}

static void state_set(struct wd_nodeservices *s, const char *why)
{
	static const enum wd_resource kinds[] = {WD_RESOURCE_SERVICE, WD_RESOURCE_SLICE};
	struct wd_store_state st = {
		.complete = !why,
		.as_of_ns = s->begun_wall_ns,
		.skipped = s->report.refused,
		.problem = why,
	};

	for (unsigned int i = 0; i < 2; i++)
		wd_store_set_state(s->store, kinds[i], &st);
}

static void on_done(void *ctx)
{
	struct wd_nodeservices *s = ctx;
	int r;

	ipvs_read(s);
	wd_store_resync_begin(s->store, WD_RESOURCE_SERVICE);
	wd_store_resync_begin(s->store, WD_RESOURCE_SLICE);
	r = wd_kubeproxy_put(s->k, s->store);
	if (r < 0)
		fail(s, r == -ENOMEM ? "no memory" : "there are more Services than are kept");
	s->report = *wd_kubeproxy_report(s->k);
	/* What was read from a dump that broke off this time may be there still. */
	wd_store_resync_end(s->store, WD_RESOURCE_SERVICE, !s->failed[0]);
	wd_store_resync_end(s->store, WD_RESOURCE_SLICE, !s->failed[0]);
	state_set(s, problem(s));
	wd_kubeproxy_free(s->k);
	s->k = NULL;
	s->known_ns = s->begun_ns;
	if (s->o.tap && s->o.tap->done)
		s->o.tap->done(s->o.tap_ctx);
	if (s->o.done)
		s->o.done(s->o.ctx);
}

/* -------------------------------------------------------------------------------------------------
 */

int wd_nodeservices_new(struct event_base *base, const struct wd_nodeservices_options *o,
                        struct wd_store *store, struct wd_nodeservices **ret)
{
	static const struct wd_dumps_ops ops = {on_begin, on_data, on_end, on_done};
	struct wd_nodeservices *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	if (o)
		s->o = *o;
	s->store = store;
	r = wd_dumps_new(base, &s->o.dumps, &ops, s, &s->dumps);
	if (r < 0) {
		free(s);
		return r;
	}
	*ret = s;
	return 0;
}

void wd_nodeservices_free(struct wd_nodeservices *s)
{
	if (!s)
		return;
	wd_dumps_free(s->dumps);
	wd_elements_release(&s->elements);
	wd_kubeproxy_free(s->k);
	free(s);
}

int wd_nodeservices_refresh(struct wd_nodeservices *s, uint64_t max_age_ns, uint64_t now_ns)
{
	int r;

	if (wd_dumps_running(s->dumps))
		return -EINPROGRESS;
	if (s->known_ns && wd_nodeservices_age(s, now_ns) <= max_age_ns)
		return 0;
	if (now_ns < wd_dumps_due(s->dumps))
		return -EAGAIN;
	r = wd_kubeproxy_new(&s->k);
	if (r < 0)
		return r;
	s->failed[0] = '\0';
	s->begun_ns = now_ns;
	s->begun_wall_ns = wd_clock_monotonic_ns() + (uint64_t)wd_clock_wall_offset_ns();
	r = wd_dumps_refresh(s->dumps, ALL, now_ns);
	if (r < 0) {
		wd_kubeproxy_free(s->k);
		s->k = NULL;
		return r;
	}
	return -EINPROGRESS;
}

uint64_t wd_nodeservices_age(const struct wd_nodeservices *s, uint64_t now_ns)
{
	if (!s->known_ns)
		return UINT64_MAX;
	return now_ns > s->known_ns ? now_ns - s->known_ns : 0;
}

const struct wd_dumps *wd_nodeservices_dumps(const struct wd_nodeservices *s)
{
	return s->dumps;
}

const struct wd_kubeproxy_report *wd_nodeservices_report(const struct wd_nodeservices *s)
{
	return &s->report;
}
