/* SPDX-License-Identifier: Apache-2.0 */
#include "model/spec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/tuple.h"

#define DNS_PORT 53

/* ---- words --------------------------------------------------------------------------------- */

/* "svc/NS/NAME" and "pod/NS/NAME": 1; not of that form at all: 0; half of it: -EINVAL. */
static int parse_wanted(struct wd_spec *s, const char *word)
{
	static const struct {
		const char *prefix;
		enum wd_wanted_kind kind;
	} forms[] = {{"svc/", WD_WANTED_SERVICE},
	             {"service/", WD_WANTED_SERVICE},
	             {"pod/", WD_WANTED_POD}};
	struct wd_wanted *w = &s->wanted[s->n_wanted];
	const char *rest = NULL;
	char *slash;

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (strncmp(word, forms[i].prefix, strlen(forms[i].prefix)) != 0)
			continue;
		rest = word + strlen(forms[i].prefix);
		w->kind = forms[i].kind;
	}
	if (!rest)
		return 0;
	if (s->n_wanted == WD_WANTED_MAX)
		return -ENOSPC;
	w->text = strdup(rest);
	if (!w->text)
		return -ENOMEM;
	slash = strchr(w->text, '/');
	if (!slash || slash == w->text || !slash[1] || strchr(slash + 1, '/')) {
		free(w->text);
		return -EINVAL;
	}
	*slash = '\0';
	w->ns = w->text;
	w->name = slash + 1;
	s->n_wanted++;
	return 1;
}

static int parse_word(struct wd_spec *s, const char *word)
{
	int r;

	if (strcmp(word, "api") == 0)
		s->api = true;
	else if (strcmp(word, "services") == 0)
		s->services = true;
	else if (strcmp(word, "dns") == 0)
		s->dns = true;
	else {
		r = parse_wanted(s, word);
		return r ? (r < 0 ? r : 0) : wd_targets_add(s->fixed, word);
	}
	return 0;
}

static const char *why(int r, const char *word)
{
	if (r == -ENOSPC)
		return "more targets than whydrop can hold";
	if (r == -ENOMEM)
		return strerror(ENOMEM);
	if (r == -ERANGE)
		return "bits behind the prefix length are not zero, or the port is not 1 to 65535";
	if (strncmp(word, "svc", 3) == 0 || strncmp(word, "pod", 3) == 0)
		return "wants svc/NAMESPACE/NAME or pod/NAMESPACE/NAME";
	return "wants api, services, dns, svc/NAMESPACE/NAME, pod/NAMESPACE/NAME, ADDRESS or "
	       "ADDRESS/LEN, either with :PORT, [IPv6]:PORT, or all";
}

int wd_spec_parse(struct wd_spec *ret, struct wd_targets *fixed, char **words, int n,
                  const char **ret_word, const char **ret_why)
{
	memset(ret, 0, sizeof(*ret));
	ret->fixed = fixed;
	for (int i = 0; i < n; i++) {
		int r = parse_word(ret, words[i]);

		if (r == 0)
			continue;
		*ret_word = words[i];
		*ret_why = why(r, words[i]);
		wd_spec_release(ret);
		return r;
	}
	if (n == 0)
		ret->api = ret->services = ret->dns = ret->by_default = true;
	return 0;
}

void wd_spec_release(struct wd_spec *s)
{
	for (unsigned int i = 0; i < s->n_wanted; i++)
		free(s->wanted[i].text);
	s->n_wanted = 0;
}

bool wd_spec_follows(const struct wd_spec *s)
{
	return s->api || s->services || s->dns || s->n_wanted;
}

/* ---- what they stand for ------------------------------------------------------------------- */

struct resolving {
	struct wd_spec_result *ret;
	const struct wd_store *store;
	const struct wd_addr *node_ips;
	size_t n_node_ips;
	unsigned int *count; /* of the word that is being resolved */
	const char *port;    /* endpoints of this port name only; NULL all */
	int error;
};

static void add(struct resolving *x, const struct wd_addr *ip, uint16_t port, uint8_t proto)
{
	uint32_t before = wd_hosts_count(x->ret->hosts);
	int r;

	/* an address that stands for none, or for everybody, would let everything through */
	if (wd_addr_is_any(ip) || wd_addr_is_multicast(ip) || wd_addr_is_loopback(ip))
		return;
	r = wd_hosts_add(x->ret->hosts, ip, port, proto);
	if (r == -ENOSPC)
		x->ret->cut = true;
	else if (r < 0)
		x->error = r;
	if (x->count)
		*x->count += wd_hosts_count(x->ret->hosts) - before;
}

static bool add_endpoint(const struct wd_endpoint_match *m, void *ctx)
{
	struct resolving *x = ctx;

	if (m->port->port)
		add(x, &m->endpoint->ip, m->port->port, m->port->proto);
	return x->error == 0;
}

static void add_addresses(struct resolving *x, const struct wd_addr *ips, unsigned int n,
                          const struct wd_service_port *p)
{
	for (unsigned int i = 0; i < n; i++)
		add(x, &ips[i], p->port, p->proto);
}

static void add_service_port(struct resolving *x, const struct wd_service *v,
                             const struct wd_service_port *p)
{
	add_addresses(x, v->cluster_ips, v->n_cluster_ips, p);
	add_addresses(x, v->external_ips, v->n_external_ips, p);
	add_addresses(x, v->lb_ips, v->n_lb_ips, p);
	for (size_t i = 0; p->node_port && i < x->n_node_ips; i++)
		add(x, &x->node_ips[i], p->node_port, p->proto);
	wd_store_backends(x->store, v, p->name, add_endpoint, x);
}

/* Every port of a Service; an attempt to a port that it does not define is to be seen, too. */
static void add_service(struct resolving *x, const struct wd_service *v)
{
	for (unsigned int i = 0; i < v->n_ports; i++)
		add_service_port(x, v, &v->ports[i]);
	for (unsigned int i = 0; i < v->n_cluster_ips; i++)
		add(x, &v->cluster_ips[i], 0, 0);
}

static bool each_service(const struct wd_object *o, void *ctx)
{
	struct resolving *x = ctx;

	add_service(x, &o->service);
	return x->error == 0;
}

/* The cluster's DNS by what it does, since its name differs between distributions. */
static bool each_dns(const struct wd_object *o, void *ctx)
{
	struct resolving *x = ctx;
	const struct wd_service *v = &o->service;

	for (unsigned int i = 0; i < v->n_ports; i++)
		if (v->ports[i].port == DNS_PORT)
			add_service_port(x, v, &v->ports[i]);
	return x->error == 0;
}

static void resolve_api(struct resolving *x)
{
	const struct wd_object *o =
		wd_store_get(x->store, WD_RESOURCE_SERVICE, "default", "kubernetes");
	const struct wd_api_server *v;
	unsigned int n = wd_store_api_servers(x->store, &v);

	if (o)
		add_service(x, &o->service);
	for (unsigned int i = 0; i < n; i++)
		add(x, &v[i].ip, v[i].port, v[i].port ? WD_PROTO_TCP : 0);
}

static void resolve_wanted(struct resolving *x, const struct wd_wanted *w, bool *found)
{
	enum wd_resource kind = w->kind == WD_WANTED_POD ? WD_RESOURCE_POD : WD_RESOURCE_SERVICE;
	const struct wd_object *o = wd_store_get(x->store, kind, w->ns, w->name);

	if (!o)
		return;
	*found = true;
	if (w->kind == WD_WANTED_SERVICE) {
		add_service(x, &o->service);
		return;
	}
	for (unsigned int i = 0; i < o->pod.n_ips && !o->pod.host_network; i++)
		add(x, &o->pod.ips[i], 0, 0);
	for (unsigned int i = 0; i < o->pod.n_ports && o->pod.host_network && o->pod.n_ips; i++)
		add(x, &o->pod.ips[0], o->pod.ports[i].port, o->pod.ports[i].proto);
}

static void resolve_words(const struct wd_spec *s, struct resolving *x)
{
	if (s->api) {
		x->count = &x->ret->api;
		resolve_api(x);
	}
	if (s->dns) {
		x->count = &x->ret->dns;
		wd_store_each(x->store, WD_RESOURCE_SERVICE, "kube-system", each_dns, x);
	}
	if (s->services) {
		x->count = &x->ret->services;
		wd_store_each(x->store, WD_RESOURCE_SERVICE, NULL, each_service, x);
	}
	x->count = NULL;
}

int wd_spec_resolve(const struct wd_spec *s, const struct wd_stores *stores,
                    const struct wd_addr *node_ips, size_t n_node_ips,
                    const struct wd_addr *resolvers, size_t n_resolvers, struct wd_spec_result *ret)
{
	struct resolving x = {.ret = ret, .node_ips = node_ips, .n_node_ips = n_node_ips};
	bool found[WD_WANTED_MAX] = {false};
	int r;

	memset(ret, 0, sizeof(*ret));
	r = wd_hosts_new(&ret->hosts);
	if (r < 0)
		return r;
	for (unsigned int i = 0; i < WD_SOURCE_MAX; i++) {
		x.store = stores->v[i];
		if (!x.store)
			continue;
		resolve_words(s, &x);
		for (unsigned int k = 0; k < s->n_wanted; k++)
			resolve_wanted(&x, &s->wanted[k], &found[k]);
	}
	x.count = &ret->dns;
	for (size_t i = 0; s->dns && i < n_resolvers; i++) {
		add(&x, &resolvers[i], DNS_PORT, WD_PROTO_UDP);
		add(&x, &resolvers[i], DNS_PORT, WD_PROTO_TCP);
	}
	for (unsigned int k = 0; k < s->n_wanted; k++) {
		if (found[k])
			continue;
		if (!ret->missing++)
			ret->first_missing = &s->wanted[k];
	}
	if (x.error == 0)
		return 0;
	wd_hosts_free(ret->hosts);
	ret->hosts = NULL;
	return x.error;
}
