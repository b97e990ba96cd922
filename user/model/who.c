/* SPDX-License-Identifier: Apache-2.0 */
#include "model/who.h"

#include <stdio.h>
#include <string.h>

const char *wd_source_name(enum wd_source s)
{
	static const char *const names[WD_SOURCE_MAX] = {"api", "state", "node"};

	return s < WD_SOURCE_MAX ? names[s] : "unknown";
}

static void copy(char *to, size_t size, const char *from)
{
	/* a name that is longer than Kubernetes allows is cut; outputs escape it */
	snprintf(to, size, "%s", from);
}

/* ---- pods ---------------------------------------------------------------------------------- */

static void pod_of(const struct wd_stores *s, const struct wd_addr *ip, struct wd_who_pod *ret)
{
	for (unsigned int i = 0; i < WD_SOURCE_MAX; i++) {
		const struct wd_pod *p[2] = {0};
		unsigned int n = s->v[i] ? wd_store_pods_by_ip(s->v[i], ip, p, 2) : 0;

		if (!n)
			continue;
		ret->claims = n;
		ret->source = (enum wd_source)i;
		/* of pods in the node's own namespace the address says nothing */
		if (p[0]->host_network || (n > 1 && p[0]->terminating == p[1]->terminating &&
		                           p[0]->terminal == p[1]->terminal))
			return;
		copy(ret->ref.ns, sizeof(ret->ref.ns), p[0]->ns);
		copy(ret->ref.name, sizeof(ret->ref.name), p[0]->name);
		copy(ret->node, sizeof(ret->node), p[0]->node);
		ret->terminating = p[0]->terminating;
		ret->terminal = p[0]->terminal;
		return;
	}
}

/* The endpoint says whose it is where pods of other nodes are not known. */
struct target_ref {
	struct wd_who_pod *pod;
	enum wd_source source;
	unsigned int n;
};

static bool take_ref(const struct wd_endpoint_match *m, void *ctx)
{
	struct target_ref *t = ctx;

	if (!m->endpoint->pod[0])
		return true;
	if (t->n && strcmp(t->pod->ref.name, m->endpoint->pod) == 0 &&
	    strcmp(t->pod->ref.ns, m->endpoint->pod_ns) == 0)
		return true;
	t->n++;
	copy(t->pod->ref.ns, sizeof(t->pod->ref.ns), m->endpoint->pod_ns);
	copy(t->pod->ref.name, sizeof(t->pod->ref.name), m->endpoint->pod);
	copy(t->pod->node, sizeof(t->pod->node), m->endpoint->node);
	t->pod->terminating = m->endpoint->terminating;
	t->pod->source = t->source;
	return t->n < 2;
}

static void pod_by_endpoint(const struct wd_stores *s, const struct wd_addr *ip,
                            struct wd_who_pod *ret)
{
	for (unsigned int i = 0; i < WD_SOURCE_MAX; i++) {
		struct target_ref t = {.pod = ret, .source = (enum wd_source)i};

		if (!s->v[i])
			continue;
		wd_store_endpoints_by_addr(s->v[i], ip, 0, 0, take_ref, &t);
		if (t.n > 1)
			memset(ret, 0, sizeof(*ret)); /* two names for one address */
		if (t.n)
			return;
	}
}

static void find_pod(const struct wd_stores *s, const struct wd_addr *ip, struct wd_who_pod *ret)
{
	pod_of(s, ip, ret);
	if (!ret->claims)
		pod_by_endpoint(s, ip, ret);
}

/* ---- services ------------------------------------------------------------------------------ */

struct endpoint_count {
	const struct wd_addr *backend;
	uint16_t backend_port;
	struct wd_who_service *ret;
};

static bool count_endpoint(const struct wd_endpoint_match *m, void *ctx)
{
	struct endpoint_count *c = ctx;

	c->ret->endpoints++;
	c->ret->ready += m->endpoint->ready;
	if (c->backend && wd_addr_equal(&m->endpoint->ip, c->backend) &&
	    (!m->port->port || m->port->port == c->backend_port)) {
		c->ret->backend_is_endpoint = true;
		c->ret->backend_ready |= m->endpoint->ready;
	}
	return true;
}

static bool service_in(const struct wd_store *s, const struct wd_tuple *sent,
                       const struct wd_addr *backend, uint16_t backend_port,
                       struct wd_who_service *ret)
{
	struct endpoint_count c = {backend, backend_port, ret};
	struct wd_service_match m;

	if (!wd_store_service_by_addr(s, &sent->daddr, sent->dport, sent->proto, &m) &&
	    (!wd_store_node_by_ip(s, &sent->daddr) ||
	     !wd_store_service_by_node_port(s, sent->dport, sent->proto, &m)))
		return false;
	/* IPVS knows addresses, not names */
	if (!m.service->ns[0])
		return false;
	copy(ret->ns, sizeof(ret->ns), m.service->ns);
	copy(ret->name, sizeof(ret->name), m.service->name);
	copy(ret->port, sizeof(ret->port), m.port ? m.port->name : "");
	ret->port_undefined = !m.port;
	ret->via = m.via;
	if (!m.port)
		return true;
	ret->endpoints_known = wd_store_state(s, WD_RESOURCE_SLICE)->complete;
	ret->backend_known = ret->endpoints_known && backend;
	wd_store_backends(s, m.service, m.port->name, count_endpoint, &c);
	return true;
}

static void find_service(const struct wd_stores *s, const struct wd_tuple *sent,
                         const struct wd_addr *backend, uint16_t backend_port,
                         struct wd_who_service *ret)
{
	for (unsigned int i = 0; i < WD_SOURCE_MAX; i++) {
		struct wd_who_service found = {.source = (enum wd_source)i};

		if (!s->v[i] || !service_in(s->v[i], sent, backend, backend_port, &found))
			continue;
		/* a port that one source lacks another may have: what it says must be new */
		if (!ret->name[0] || (ret->port_undefined && !found.port_undefined))
			*ret = found;
		if (!ret->port_undefined)
			return;
	}
}

/* ---- API server ---------------------------------------------------------------------------- */

static bool api_in(const struct wd_store *s, const struct wd_addr *ip, uint16_t port,
                   struct wd_who *ret)
{
	const struct wd_api_server *v;
	unsigned int n = wd_store_api_servers(s, &v);

	for (unsigned int i = 0; i < n; i++) {
		if (!wd_addr_equal(&v[i].ip, ip) || (v[i].port && v[i].port != port))
			continue;
		if (v[i].name[0] && !ret->api_name[0])
			copy(ret->api_name, sizeof(ret->api_name), v[i].name);
		return true;
	}
	return false;
}

static bool is_kubernetes(const struct wd_endpoint_match *m, void *ctx)
{
	if (strcmp(m->slice->service, "kubernetes") != 0 || strcmp(m->slice->ns, "default") != 0)
		return true;
	*(bool *)ctx = true;
	return false;
}

static void find_api(const struct wd_stores *s, const struct wd_addr *ip, uint16_t port,
                     struct wd_who *ret)
{
	for (unsigned int i = 0; i < WD_SOURCE_MAX; i++) {
		if (!s->v[i])
			continue;
		ret->api_server |= api_in(s->v[i], ip, port, ret);
		wd_store_endpoints_by_addr(s->v[i], ip, port, WD_PROTO_TCP, is_kubernetes,
		                           &ret->api_server);
	}
	ret->api_server |= strcmp(ret->service.name, "kubernetes") == 0 &&
	                   strcmp(ret->service.ns, "default") == 0;
}

/* ---- how old ------------------------------------------------------------------------------- */

static void find_ages(const struct wd_stores *s, uint64_t now_ns, struct wd_who *ret)
{
	for (unsigned int k = 0; k < WD_RESOURCE_MAX; k++) {
		ret->age_ms[k] = UINT64_MAX;
		for (unsigned int i = 0; i < WD_SOURCE_MAX; i++) {
			const struct wd_store_state *st =
				s->v[i] ? wd_store_state(s->v[i], (enum wd_resource)k) : NULL;

			/* asked, but it has nothing to say */
			if (!st || !st->as_of_ns ||
			    (!st->complete && !wd_store_count(s->v[i], (enum wd_resource)k)))
				continue;
			ret->age_ms[k] = now_ns > st->as_of_ns ? (now_ns - st->as_of_ns) / 1000000
			                                       : 0;
			ret->age_source[k] = (enum wd_source)i;
			ret->partial[k] = !st->complete || st->node_only || st->skipped;
			break;
		}
	}
}

void wd_who_find(const struct wd_stores *s, const struct wd_tuple *sent,
                 const struct wd_addr *backend, uint16_t backend_port, uint64_t now_ns,
                 struct wd_who *ret)
{
	memset(ret, 0, sizeof(*ret));
	find_pod(s, &sent->saddr, &ret->client);
	find_service(s, sent, backend, backend_port, &ret->service);
	/* behind a Service it is the backend that has a pod's address */
	find_pod(s, backend ? backend : &sent->daddr, &ret->backend);
	find_api(s, &sent->daddr, sent->dport, ret);
	if (backend)
		find_api(s, backend, backend_port, ret);
	find_ages(s, now_ns, ret);
}
