/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/cluster.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/clock.h"
#include "base/cleanup.h"
#include "cmd/cmd.h"
#include "cmd/memory.h"
#include "kube/kube.h"
#include "kube/resolve.h"
#include "kube/snapshot.h"
#include "kube/state.h"
#include "node/apiserver.h"
#include "node/nodeservices.h"

#define NODE_IPS_MAX  256
#define RESOLVERS_MAX 8
/* Rules are read anew at least so often; Services change seldom, and failures ask for more. */
#define RULES_AGE_NS (300 * WD_NSEC_PER_SEC)
/* Names of API servers are looked up so often, and what the node says of them is read. */
#define SERVERS_AGE_NS (60 * WD_NSEC_PER_SEC)
#define LOOKUP_NS      (8 * WD_NSEC_PER_SEC)
#define STATE_AGE_NS   (60 * WD_NSEC_PER_SEC)
/* What lists, dumps and answers have left behind is given back so often. */
#define TRIM_AGE_NS (10 * WD_NSEC_PER_SEC)
/* The node's own addresses and resolvers. */
#define OWN_AGE_NS (30 * WD_NSEC_PER_SEC)

struct wd_cluster {
	struct wd_cluster_options o;
	struct wd_store *api, *state, *node;
	struct wd_stores stores;
	struct wd_kube *kube; /* NULL: none, see no_kube */
	char no_kube[WD_KUBE_ERRLEN];
	struct wd_nodeservices *services;
	bool services_known;
	struct wd_apiservers servers;
	struct wd_lookup *lookup;
	unsigned int looked_up; /* how many of the servers' names */
	uint64_t lookup_ns, servers_ns, own_ns, state_ns;
	uint64_t saved;   /* generation of the API's store in the state file */
	uint64_t trim_ns; /* 0: not yet */
	bool said_state;
	struct wd_addr node_ips[NODE_IPS_MAX], resolvers[RESOLVERS_MAX];
	size_t n_node_ips, n_resolvers;
	uint64_t own_generation;
	char words[768];
};

/* ---- the node itself ----------------------------------------------------------------------- */

static void read_node_ips(struct wd_cluster *c)
{
	struct ifaddrs *all;

	if (getifaddrs(&all) < 0)
		return;
	c->n_node_ips = 0;
	for (struct ifaddrs *i = all; i && c->n_node_ips < NODE_IPS_MAX; i = i->ifa_next) {
		struct wd_addr a;

		if (!i->ifa_addr)
			continue;
		if (i->ifa_addr->sa_family == AF_INET)
			a = wd_addr_from_v4(
				((struct sockaddr_in *)(void *)i->ifa_addr)->sin_addr.s_addr);
		else if (i->ifa_addr->sa_family == AF_INET6)
			memcpy(a.b, &((struct sockaddr_in6 *)(void *)i->ifa_addr)->sin6_addr, 16);
		else
			continue;
		if (!wd_addr_is_loopback(&a) && !(a.b[0] == 0xfe && (a.b[1] & 0xc0) == 0x80))
			c->node_ips[c->n_node_ips++] = a;
	}
	freeifaddrs(all);
}

/* "nameserver 10.0.0.10": what pods use is the cluster's DNS Service, what the node uses stands
 * here. */
static void read_resolvers(struct wd_cluster *c)
{
	char path[4096], line[256], word[64];
	FILE *f;

	if ((size_t)snprintf(path, sizeof(path), "%s/etc/resolv.conf",
	                     strcmp(c->o.host_root, "/") == 0 ? "" : c->o.host_root) >=
	    sizeof(path))
		return;
	f = fopen(path, "re");
	if (!f)
		return;
	c->n_resolvers = 0;
	while (c->n_resolvers < RESOLVERS_MAX && fgets(line, sizeof(line), f))
		if (sscanf(line, " nameserver %63s", word) == 1 &&
		    wd_addr_parse(word, &c->resolvers[c->n_resolvers]) == 0)
			c->n_resolvers++;
	fclose(f);
}

/* That an address is this node's nobody but the API tells otherwise: without it no NodePort would
 * have a Service. */
static void put_own(struct wd_cluster *c)
{
	struct wd_object o = {.kind = WD_RESOURCE_NODE};

	o.node.name = c->o.node;
	o.node.internal_ips = c->node_ips;
	o.node.n_internal_ips = (unsigned int)c->n_node_ips;
	(void)wd_store_put(c->node, &o);
}

static void read_own(struct wd_cluster *c, uint64_t now_ns)
{
	struct wd_addr before[NODE_IPS_MAX + RESOLVERS_MAX];
	size_t n = c->n_node_ips, m = c->n_resolvers;

	if (c->own_ns && now_ns < c->own_ns + OWN_AGE_NS)
		return;
	c->own_ns = now_ns;
	memcpy(before, c->node_ips, n * sizeof(before[0]));
	memcpy(before + n, c->resolvers, m * sizeof(before[0]));
	read_node_ips(c);
	read_resolvers(c);
	if (n != c->n_node_ips || m != c->n_resolvers ||
	    memcmp(before, c->node_ips, n * sizeof(before[0])) != 0 ||
	    memcmp(before + n, c->resolvers, m * sizeof(before[0])) != 0) {
		c->own_generation++;
		put_own(c);
	}
}

/* ---- API servers --------------------------------------------------------------------------- */

static void lookup_next(struct wd_cluster *c);

static void on_lookup(const struct wd_addr *v, unsigned int n, const char *words, void *ctx)
{
	struct wd_cluster *c = ctx;
	char name[WD_APISERVER_NAME_LEN];

	(void)words;
	memcpy(name, c->servers.v[c->looked_up - 1].name, sizeof(name));
	for (unsigned int i = 0; i < n; i++)
		wd_apiservers_resolved(&c->servers, name, &v[i], "DNS");
	/* more of its addresses stand behind it now: only the names of before are looked up */
	wd_lookup_free(c->lookup);
	c->lookup = NULL;
	if (n && wd_apiservers_put(&c->servers, c->node) == 0)
		c->own_generation++;
	lookup_next(c);
}

static void lookup_next(struct wd_cluster *c)
{
	while (!c->lookup && c->looked_up < c->servers.n) {
		const struct wd_apiserver *s = &c->servers.v[c->looked_up++];

		if (!s->name[0] || s->has_ip)
			continue;
		if (wd_lookup_start(c->o.loop, c->o.host_root, s->name, on_lookup, c, &c->lookup) <
		    0)
			c->lookup = NULL;
		c->lookup_ns = wd_clock_monotonic_ns();
	}
}

static void read_servers(struct wd_cluster *c, uint64_t now_ns)
{
	const struct wd_kube_health *h = c->kube ? wd_kube_health(c->kube) : NULL;
	char host[WD_APISERVER_NAME_LEN];
	uint16_t port;

	if (c->lookup && now_ns > c->lookup_ns + LOOKUP_NS) {
		wd_lookup_free(c->lookup);
		c->lookup = NULL;
		lookup_next(c);
	}
	if (c->lookup || (c->servers_ns && now_ns < c->servers_ns + SERVERS_AGE_NS))
		return;
	c->servers_ns = now_ns;
	memset(&c->servers, 0, sizeof(c->servers));
	c->looked_up = 0;
	wd_apiservers_read(&c->servers, c->o.host_root);
	if (h && wd_apiserver_url(h->server, strlen(h->server), host, &port) == 0)
		wd_apiservers_add(&c->servers, host, port, "kubeconfig");
	for (unsigned int i = 0; i < WD_SOURCE_MAX; i++)
		if (c->stores.v[i])
			wd_apiservers_service(&c->servers, c->stores.v[i], "default/kubernetes");
	(void)wd_apiservers_put(&c->servers, c->node);
	c->own_generation++;
	lookup_next(c);
}

/* ---- rules --------------------------------------------------------------------------------- */

static void on_services(void *ctx)
{
	struct wd_cluster *c = ctx;

	c->services_known = true;
	c->servers_ns = 0; /* default/kubernetes may be known now */
}

void wd_cluster_refresh(struct wd_cluster *c, uint64_t max_age_ns, uint64_t now_ns)
{
	if (c->services)
		(void)wd_nodeservices_refresh(c->services, max_age_ns, now_ns);
}

/* ---- the last known state ------------------------------------------------------------------ */

static uint64_t generation_of(const struct wd_store *s)
{
	uint64_t n = 0;

	for (unsigned int i = 0; s && i < WD_RESOURCE_MAX; i++)
		n += wd_store_generation(s, (enum wd_resource)i);
	return n;
}

static bool worth_saving(const struct wd_cluster *c)
{
	return wd_store_state(c->api, WD_RESOURCE_SERVICE)->complete &&
	       wd_store_state(c->api, WD_RESOURCE_SLICE)->complete;
}

static void save_state(struct wd_cluster *c)
{
	struct wd_state_info info = {.saved_ns = wd_clock_monotonic_ns() +
	                                         (uint64_t)wd_clock_wall_offset_ns()};
	uint64_t generation = generation_of(c->api);
	char err[WD_STATE_ERRLEN];

	if (!c->o.state || !c->kube || generation == c->saved || !worth_saving(c))
		return;
	snprintf(info.node, sizeof(info.node), "%s", c->o.node);
	snprintf(info.server, sizeof(info.server), "%s", wd_kube_health(c->kube)->server);
	if (wd_state_save(c->o.state, c->api, &info, err) == 0) {
		c->saved = generation;
		return;
	}
	if (!c->said_state)
		wd_complain("last known state is not saved: %s", err);
	c->said_state = true;
}

static void load_state(struct wd_cluster *c)
{
	char err[WD_STATE_ERRLEN], span[WD_SPAN_STRLEN];
	uint64_t now = wd_clock_monotonic_ns() + (uint64_t)wd_clock_wall_offset_ns();
	struct wd_state_info info;
	int r;

	if (!c->o.state)
		return;
	r = wd_state_load(c->o.state, &c->state, &info, err);
	if (r == 0)
		wd_complain("last known state of the cluster: of %s ago, from %s",
		            wd_clock_format_span(now > info.saved_ns
		                                         ? (now - info.saved_ns) / WD_NSEC_PER_MSEC
		                                         : 0,
		                                 span),
		            info.server[0] ? info.server : "an unnamed server");
	else if (r != -ENOENT)
		wd_complain("last known state is not used: %s", err);
	c->stores.v[WD_SOURCE_STATE] = c->state;
}

/* ---- all of it ----------------------------------------------------------------------------- */

static void on_kube_log(const char *line, void *ctx)
{
	(void)ctx;
	wd_complain("%s", line);
}

static int open_kube(struct wd_cluster *c)
{
	struct wd_kube_options ko = {
		.loop = c->o.loop,
		.store = c->api,
		.host_root = c->o.host_root,
		.kubeconfig = c->o.kubeconfig,
		.node = c->o.node,
		.scope = WD_KUBE_SCOPE_NODE,
		.log = on_kube_log,
		.ctx = c,
	};
	int r;

	if (c->o.no_api || c->o.snapshot) {
		snprintf(c->no_kube, sizeof(c->no_kube), "%s",
		         c->o.snapshot ? "a snapshot is used instead" : "--no-api");
		return 0;
	}
	r = wd_kube_new(&ko, &c->kube, c->no_kube);
	/* what the user named must be usable; what was merely found need not be */
	if (r < 0 && c->o.kubeconfig) {
		wd_complain("%s", c->no_kube);
		return -EINVAL;
	}
	if (r < 0 && r != -ENOENT)
		wd_complain("the Kubernetes API is not used: %s", c->no_kube);
	return r == -ENOMEM ? r : 0;
}

static int open_snapshot(struct wd_cluster *c)
{
	char err[WD_SNAPSHOT_ERRLEN];
	int r;

	if (!c->o.snapshot)
		return 0;
	r = wd_snapshot_read(c->o.snapshot, c->api, err);
	if (r < 0)
		wd_complain("%s", err);
	return r < 0 ? -EINVAL : 0;
}

int wd_cluster_new(const struct wd_cluster_options *o, struct wd_cluster **ret)
{
	struct wd_nodeservices_options so = {.done = on_services};
	struct wd_cluster *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->o = *o;
	so.ctx = c;
	r = wd_store_new(&c->api);
	if (r == 0)
		r = wd_store_new(&c->node);
	if (r == 0)
		r = wd_nodeservices_new(o->loop, &so, c->node, &c->services);
	if (r == 0)
		r = open_snapshot(c);
	if (r == 0)
		r = open_kube(c);
	if (r < 0) {
		wd_cluster_free(c);
		return r;
	}
	c->stores.v[WD_SOURCE_NODE] = c->node;
	if (c->kube || c->o.snapshot)
		c->stores.v[WD_SOURCE_API] = c->api;
	load_state(c);
	*ret = c;
	return 0;
}

void wd_cluster_start(struct wd_cluster *c, uint64_t now_ns)
{
	if (c->kube && wd_kube_start(c->kube) < 0)
		wd_complain("the Kubernetes API is not used: %s", strerror(ENOMEM));
	read_own(c, now_ns);
	read_servers(c, now_ns);
	wd_cluster_refresh(c, 0, now_ns);
}

void wd_cluster_free(struct wd_cluster *c)
{
	if (!c)
		return;
	if (c->kube)
		save_state(c);
	wd_lookup_free(c->lookup);
	wd_kube_free(c->kube);
	wd_nodeservices_free(c->services);
	wd_store_free(c->api);
	wd_store_free(c->state);
	wd_store_free(c->node);
	free(c);
}

/* For the first time when all has been read that a start reads. */
static void trim(struct wd_cluster *c, uint64_t now_ns)
{
	if (c->trim_ns ? now_ns < c->trim_ns + TRIM_AGE_NS : !wd_cluster_settled(c))
		return;
	c->trim_ns = now_ns;
	wd_memory_trim();
}

void wd_cluster_tick(struct wd_cluster *c, uint64_t now_ns)
{
	read_own(c, now_ns);
	read_servers(c, now_ns);
	wd_cluster_refresh(c, RULES_AGE_NS, now_ns);
	if (now_ns > c->state_ns + STATE_AGE_NS) {
		c->state_ns = now_ns;
		save_state(c);
	}
	trim(c, now_ns);
}

/* ---- questions ----------------------------------------------------------------------------- */

const struct wd_stores *wd_cluster_stores(const struct wd_cluster *c)
{
	return &c->stores;
}

bool wd_cluster_settled(const struct wd_cluster *c)
{
	return c->services_known && (!c->kube || wd_kube_settled(c->kube));
}

uint64_t wd_cluster_generation(const struct wd_cluster *c)
{
	return c->own_generation + generation_of(c->api) + generation_of(c->node) +
	       generation_of(c->state);
}

bool wd_cluster_want_pod(struct wd_cluster *c, const struct wd_addr *ip)
{
	return c->kube && wd_kube_want_pod(c->kube, ip) == WD_WANT_PENDING;
}

size_t wd_cluster_node_ips(const struct wd_cluster *c, const struct wd_addr **ret)
{
	*ret = c->node_ips;
	return c->n_node_ips;
}

size_t wd_cluster_resolvers(const struct wd_cluster *c, const struct wd_addr **ret)
{
	*ret = c->resolvers;
	return c->n_resolvers;
}

const char *wd_cluster_api_trouble(struct wd_cluster *c, uint64_t since_ns, uint64_t now_ns)
{
	const struct wd_kube_health *h = c->kube ? wd_kube_health(c->kube) : NULL;

	if (!h || h->reachable || !h->failed_ns || h->failed_ns < since_ns)
		return NULL;
	return wd_kube_health_words(h, now_ns, c->words, sizeof(c->words));
}

const char *wd_cluster_api_words(const struct wd_cluster *c, bool *ret_there)
{
	*ret_there = c->kube;
	return c->kube ? wd_kube_health(c->kube)->server : c->no_kube;
}
