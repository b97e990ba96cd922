/* SPDX-License-Identifier: Apache-2.0 */
/* From fronts and chains to objects, one Service after the other. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "node/kubeproxy_graph.h"

/* From a firewall's chain to an endpoint's there are three jumps. */
#define DEPTH_MAX 6
/* Slices with different ports but the same endpoints become one, below this many. */
#define RUNS_MAX 256
/* Addresses and ports of one Service. */
#define FRONTS_MAX 8192

/* One endpoint of one port. */
struct hit {
	struct wd_addr ip;
	uint16_t port;  /* of the endpoint */
	uint16_t index; /* of the Service's port */
};

/* Hits of one port and one number: the same slice. */
struct run {
	uint32_t first, n;
	bool done;
};

struct emit {
	struct wd_kubeproxy *k;
	int (*each)(const struct wd_object *o, void *ctx);
	void *ctx;
	uint32_t *order; /* fronts by service */
	uint32_t mark;   /* chains with it were visited for the port at hand */
	uint64_t total;

	/* Of the Service at hand. */
	struct wd_kp_service *service;
	WD_KP_VEC(struct wd_addr) ips[3]; /* cluster, external, lb */
	WD_KP_VEC(struct wd_prefix) sources;
	WD_KP_VEC(struct wd_service_port) ports;
	WD_KP_VEC(struct wd_slice_port) slice_ports;
	WD_KP_VEC(struct wd_endpoint) endpoints;
	WD_KP_VEC(struct hit) hits;
	WD_KP_VEC(struct run) runs;
	unsigned int slices[2]; /* how many there are of a family */
};

static bool grow(void **v, uint32_t n, uint32_t *alloc, size_t size)
{
	uint32_t want = *alloc ? *alloc * 2 : 16;
	void *grown;

	if (n < *alloc)
		return true;
	grown = reallocarray(*v, want, size);
	if (!grown)
		return false;
	*v = grown;
	*alloc = want;
	return true;
}

/* Appends; false when memory runs out. */
#define PUSH(vec, ...)                                                              \
	({                                                                          \
		void *v_ = (vec)->v;                                                \
		bool ok_ = grow(&v_, (vec)->n, &(vec)->alloc, sizeof((vec)->v[0])); \
                                                                                    \
		if (ok_) {                                                          \
			(vec)->v = v_;                                              \
			(vec)->v[(vec)->n++] = (__VA_ARGS__);                       \
		}                                                                   \
		ok_;                                                                \
	})

static void emit_release(struct emit *e)
{
	free(e->order);
	for (unsigned int i = 0; i < 3; i++)
		free(e->ips[i].v);
	free(e->sources.v);
	free(e->ports.v);
	free(e->slice_ports.v);
	free(e->endpoints.v);
	free(e->hits.v);
	free(e->runs.v);
}

static const char *pool_text(const struct emit *e, uint32_t at)
{
	return e->k->pool.v + at;
}

/* ---- addresses ------------------------------------------------------------------------------- */

static bool ip_has(const struct emit *e, unsigned int kind, const struct wd_addr *a)
{
	for (uint32_t i = 0; i < e->ips[kind].n; i++)
		if (wd_addr_equal(&e->ips[kind].v[i], a))
			return true;
	return false;
}

static int addr_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct wd_addr));
}

/* Without nftables' set of them, the first of its family is the cluster IP. */
static bool is_cluster_ip(const struct emit *e, const struct wd_addr *a)
{
	const struct wd_kubeproxy *k = e->k;

	if (k->cluster_ips.n)
		return bsearch(a, k->cluster_ips.v, k->cluster_ips.n, sizeof(*a), addr_compare);
	for (uint32_t i = 0; i < e->ips[WD_KP_CLUSTER].n; i++)
		if (wd_addr_is_v4(&e->ips[WD_KP_CLUSTER].v[i]) == wd_addr_is_v4(a))
			return false;
	return true;
}

static enum wd_kp_via resolve(const struct emit *e, const struct wd_kp_front *f, bool node_port)
{
	if (f->via == WD_KP_ANY && is_cluster_ip(e, &f->addr))
		return WD_KP_CLUSTER;
	if (f->via != WD_KP_ANY && f->via != WD_KP_OUTSIDE)
		return f->via;
	if (ip_has(e, WD_KP_CLUSTER, &f->addr))
		return WD_KP_CLUSTER;
	if (ip_has(e, WD_KP_EXTERNAL, &f->addr))
		return WD_KP_EXTERNAL;
	return node_port || ip_has(e, WD_KP_LB, &f->addr) ? WD_KP_LB : WD_KP_EXTERNAL;
}

/* What is certain goes first, so that the rest can be told by it. */
static bool addresses(struct emit *e, const uint32_t *fronts, uint32_t n, bool node_port)
{
	for (unsigned int pass = 0; pass < 2; pass++) {
		for (uint32_t i = 0; i < n; i++) {
			struct wd_kp_front *f = &e->k->fronts.v[fronts[i]];
			bool sure = f->via < WD_KP_OUTSIDE;

			if (f->via == WD_KP_NODE_PORT || sure == (pass == 1))
				continue;
			f->via = (uint8_t)resolve(e, f, node_port);
			if (!ip_has(e, f->via, &f->addr) && !PUSH(&e->ips[f->via], f->addr))
				return false;
		}
	}
	return true;
}

/* ---- chains ---------------------------------------------------------------------------------- */

/* Of all the steps on the way to endpoints: a few rules could make many, if somebody wanted. */
static bool counted(struct emit *e)
{
	if (e->total < WD_KUBEPROXY_STEPS_MAX) {
		e->total++;
		return true;
	}
	e->k->report.cut = true;
	return false;
}

/* Every port of the Service has the same. */
static bool sources_add(struct emit *e, const struct wd_kp_chain *c)
{
	const struct wd_kubeproxy *k = e->k;

	for (uint32_t s = c->sources; s != WD_KP_NONE; s = k->sources.v[s].next) {
		const struct wd_prefix *p = &k->sources.v[s].prefix;
		uint32_t i = 0;

		while (i < e->sources.n && (e->sources.v[i].bits != p->bits ||
		                            !wd_addr_equal(&e->sources.v[i].addr, &p->addr)))
			i++;
		if (i == e->sources.n && counted(e) && !PUSH(&e->sources, *p))
			return false;
	}
	return true;
}

static bool backends_add(struct emit *e, const struct wd_kp_chain *c, uint16_t index)
{
	const struct wd_kubeproxy *k = e->k;

	for (uint32_t b = c->backends; b != WD_KP_NONE; b = k->backends.v[b].next) {
		if (!counted(e))
			return true;
		if (!PUSH(&e->hits,
		          (struct hit){k->backends.v[b].ip, k->backends.v[b].port, index}))
			return false;
	}
	return true;
}

/* Everything that can be reached; a chain counts once for each port. */
static bool walk(struct emit *e, uint32_t chain, bool cluster, uint16_t index, unsigned int depth)
{
	struct wd_kubeproxy *k = e->k;
	struct wd_kp_chain *c = &k->chains.v[chain];

	if (c->local) {
		e->service->internal_local = e->service->internal_local || cluster;
		e->service->external_local = e->service->external_local || !cluster;
	}
	if (c->mark == e->mark || depth > DEPTH_MAX)
		return true;
	c->mark = e->mark;
	e->service->affinity = e->service->affinity || c->affinity;
	if (!sources_add(e, c) || !backends_add(e, c, index))
		return false;
	for (uint32_t at = c->edges; at != WD_KP_NONE && counted(e); at = k->edges.v[at].next)
		if (!walk(e, k->edges.v[at].to, cluster, index, depth + 1))
			return false;
	return true;
}

/* Fronts of one port together, so that the marks hold. */
static bool backends(struct emit *e, const uint32_t *fronts, uint32_t n)
{
	struct wd_kubeproxy *k = e->k;

	for (uint32_t p = e->service->ports; p != WD_KP_NONE; p = k->ports.v[p].next) {
		e->mark++;
		for (uint32_t i = 0; i < n; i++) {
			const struct wd_kp_front *f = &k->fronts.v[fronts[i]];
			bool cluster = f->via == WD_KP_CLUSTER;

			if (f->port != p)
				continue;
			e->service->internal_local |= f->local && cluster;
			e->service->external_local |= f->local && !cluster;
			if (f->chain != WD_KP_NONE &&
			    !walk(e, f->chain, cluster, k->ports.v[p].index, 0))
				return false;
		}
	}
	return true;
}

static int hit_compare(const void *a, const void *b)
{
	const struct hit *x = a, *y = b;
	int v4 = wd_addr_is_v4(&y->ip) - wd_addr_is_v4(&x->ip);

	if (v4)
		return v4;
	if (x->index != y->index)
		return x->index < y->index ? -1 : 1;
	if (x->port != y->port)
		return x->port < y->port ? -1 : 1;
	return addr_compare(&x->ip, &y->ip);
}

/* Sorted, each once, and cut into runs. */
static bool runs(struct emit *e)
{
	uint32_t n = 0;

	if (e->hits.n)
		qsort(e->hits.v, e->hits.n, sizeof(e->hits.v[0]), hit_compare);
	for (uint32_t i = 0; i < e->hits.n; i++)
		if (!n || hit_compare(&e->hits.v[n - 1], &e->hits.v[i]))
			e->hits.v[n++] = e->hits.v[i];
	e->hits.n = n;
	for (uint32_t i = 0; i < n; i++) {
		const struct hit *h = &e->hits.v[i], *before = i ? h - 1 : NULL;

		if (before && before->index == h->index && before->port == h->port &&
		    wd_addr_is_v4(&before->ip) == wd_addr_is_v4(&h->ip))
			e->runs.v[e->runs.n - 1].n++;
		else if (!PUSH(&e->runs, (struct run){.first = i, .n = 1}))
			return false;
	}
	return true;
}

/* ---- objects --------------------------------------------------------------------------------- */

/* The number that all of its endpoints have; 0: none, or different ones. */
static uint16_t target_port(const struct emit *e, uint32_t index)
{
	uint16_t found = 0;

	for (uint32_t i = 0; i < e->runs.n; i++) {
		const struct hit *h = &e->hits.v[e->runs.v[i].first];

		if (h->index != index)
			continue;
		if (found && found != h->port)
			return 0;
		found = h->port;
	}
	return found;
}

/* Newest first in the list; index says the right order. */
static bool ports(struct emit *e)
{
	const struct wd_kubeproxy *k = e->k;

	for (uint32_t i = 0; i < e->service->n_ports; i++)
		if (!PUSH(&e->ports, (struct wd_service_port){.name = ""}))
			return false;
	for (uint32_t at = e->service->ports; at != WD_KP_NONE; at = k->ports.v[at].next) {
		const struct wd_kp_port *p = &k->ports.v[at];

		e->ports.v[p->index] = (struct wd_service_port){
			.name = pool_text(e, p->name),
			.port = p->port,
			.node_port = p->node_port,
			.target_name = "",
			.proto = p->proto,
		};
	}
	for (uint32_t i = 0; i < e->ports.n && e->runs.n <= RUNS_MAX; i++)
		e->ports.v[i].target_port = target_port(e, i);
	return true;
}

static int give_service(struct emit *e, bool node_port)
{
	struct wd_kp_service *s = e->service;
	struct wd_object o = {
		.kind = WD_RESOURCE_SERVICE,
		.service = {.ns = pool_text(e, s->ns),
	                    .name = pool_text(e, s->name),
	                    .type = e->ips[WD_KP_LB].n ? WD_SERVICE_LOAD_BALANCER
	                            : node_port        ? WD_SERVICE_NODE_PORT
	                                               : WD_SERVICE_CLUSTER_IP,
	                    .cluster_ips = e->ips[WD_KP_CLUSTER].v,
	                    .n_cluster_ips = e->ips[WD_KP_CLUSTER].n,
	                    .external_ips = e->ips[WD_KP_EXTERNAL].v,
	                    .n_external_ips = e->ips[WD_KP_EXTERNAL].n,
	                    .lb_ips = e->ips[WD_KP_LB].v,
	                    .n_lb_ips = e->ips[WD_KP_LB].n,
	                    .lb_sources = e->sources.v,
	                    .n_lb_sources = e->sources.n,
	                    .ports = e->ports.v,
	                    .n_ports = e->ports.n,
	                    .internal_local = s->internal_local,
	                    .external_local = s->external_local,
	                    .affinity = s->affinity,
	                    .external_name = ""},
	};

	return e->each(&o, e->ctx);
}

static const struct hit *run_hit(const struct emit *e, const struct run *r)
{
	return &e->hits.v[r->first];
}

/* The same endpoints with another port of the Service. */
static bool is_same(const struct emit *e, const struct run *a, const struct run *b)
{
	const struct hit *x = run_hit(e, a), *y = run_hit(e, b);

	if (a->n != b->n || b->done)
		return false;
	for (uint32_t i = 0; i < a->n; i++)
		if (!wd_addr_equal(&x[i].ip, &y[i].ip))
			return false;
	for (uint32_t i = 0; i < e->slice_ports.n; i++)
		if (e->slice_ports.v[i].proto == e->ports.v[y->index].proto &&
		    !strcmp(e->slice_ports.v[i].name, e->ports.v[y->index].name))
			return false;
	return true;
}

static bool slice_port_add(struct emit *e, const struct hit *h)
{
	const struct wd_service_port *p = &e->ports.v[h->index];

	return PUSH(&e->slice_ports, (struct wd_slice_port){p->name, h->port, p->proto});
}

static bool slice_fill(struct emit *e, uint32_t at)
{
	struct run *r = &e->runs.v[at];
	const struct hit *h = run_hit(e, r);

	e->slice_ports.n = e->endpoints.n = 0;
	for (uint32_t i = 0; i < r->n; i++)
		if (!PUSH(&e->endpoints, (struct wd_endpoint){.ip = h[i].ip,
		                                              .ready = true,
		                                              .serving = true,
		                                              .node = "",
		                                              .pod_ns = "",
		                                              .pod = ""}))
			return false;
	if (!slice_port_add(e, h))
		return false;
	for (uint32_t i = at + 1; i < e->runs.n && e->runs.n <= RUNS_MAX; i++) {
		if (!is_same(e, r, &e->runs.v[i]))
			continue;
		e->runs.v[i].done = true;
		if (!slice_port_add(e, run_hit(e, &e->runs.v[i])))
			return false;
	}
	return true;
}

static int give_slice(struct emit *e, uint32_t at)
{
	const struct wd_kp_service *s = e->service;
	char name[128];
	struct wd_object o = {.kind = WD_RESOURCE_SLICE};
	bool v6 = !wd_addr_is_v4(&run_hit(e, &e->runs.v[at])->ip);
	unsigned int number;

	if (!slice_fill(e, at))
		return -ENOMEM;
	number = ++e->slices[v6];
	if (number == 1)
		snprintf(name, sizeof(name), "%s-kube-proxy-ipv%c", pool_text(e, s->name),
		         v6 ? '6' : '4');
	else
		snprintf(name, sizeof(name), "%s-kube-proxy-ipv%c-%u", pool_text(e, s->name),
		         v6 ? '6' : '4', number);
	o.slice = (struct wd_slice){.ns = pool_text(e, s->ns),
	                            .name = name,
	                            .service = pool_text(e, s->name),
	                            .endpoints = e->endpoints.v,
	                            .n_endpoints = e->endpoints.n,
	                            .ports = e->slice_ports.v,
	                            .n_ports = e->slice_ports.n};
	return e->each(&o, e->ctx);
}

static int give(struct emit *e, struct wd_kp_service *s, const uint32_t *fronts, uint32_t n)
{
	bool node_port = false;
	int r;

	if (n > FRONTS_MAX) {
		n = FRONTS_MAX;
		e->k->report.cut = true;
	}
	e->service = s;
	for (unsigned int i = 0; i < 3; i++)
		e->ips[i].n = 0;
	e->sources.n = e->ports.n = e->hits.n = e->runs.n = 0;
	e->slices[0] = e->slices[1] = 0;
	for (uint32_t i = 0; i < n; i++)
		node_port = node_port || e->k->fronts.v[fronts[i]].via == WD_KP_NODE_PORT;
	if (!addresses(e, fronts, n, node_port) || !backends(e, fronts, n) || !runs(e) || !ports(e))
		return -ENOMEM;
	r = give_service(e, node_port);
	for (uint32_t i = 0; r >= 0 && i < e->runs.n; i++)
		if (!e->runs.v[i].done)
			r = give_slice(e, i);
	return r;
}

/* Numbers of the fronts, those of a service together, in the order in which they were read;
 * start[i] is where service i begins. */
static uint32_t *fronts_sort(struct emit *e)
{
	const struct wd_kubeproxy *k = e->k;
	uint32_t *start = calloc(k->services.n + 2u, sizeof(*start));

	e->order = calloc(k->fronts.n + 1u, sizeof(*e->order));
	if (!start || !e->order) {
		free(start);
		return NULL;
	}
	for (uint32_t i = 0; i < k->fronts.n; i++)
		start[k->fronts.v[i].service + 2]++;
	for (uint32_t i = 2; i < k->services.n + 2; i++)
		start[i] += start[i - 1];
	for (uint32_t i = 0; i < k->fronts.n; i++)
		e->order[start[k->fronts.v[i].service + 1]++] = i;
	return start;
}

int wd_kubeproxy_each(struct wd_kubeproxy *k, int (*each)(const struct wd_object *o, void *ctx),
                      void *ctx)
{
	struct emit e = {.k = k, .each = each, .ctx = ctx};
	uint32_t *start;
	int r = k->err;

	if (r)
		return r;
	if (k->cluster_ips.n)
		qsort(k->cluster_ips.v, k->cluster_ips.n, sizeof(k->cluster_ips.v[0]),
		      addr_compare);
	for (uint32_t i = 0; i < k->chains.n; i++)
		k->chains.v[i].mark = 0;
	start = fronts_sort(&e);
	r = start ? 0 : -ENOMEM;
	for (uint32_t i = 0; r >= 0 && i < k->services.n; i++)
		if (start[i + 1] > start[i])
			r = give(&e, &k->services.v[i], e.order + start[i],
			         start[i + 1] - start[i]);
	free(start);
	emit_release(&e);
	return r < 0 ? r : 0;
}
