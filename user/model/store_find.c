/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the store. */
#include <string.h>

#include "model/store_internal.h"

unsigned int wd_store_api_servers(const struct wd_store *s, const struct wd_api_server **ret)
{
	*ret = s->api;
	return s->n_api;
}

unsigned int wd_store_count(const struct wd_store *s, enum wd_resource kind)
{
	return s->kinds[kind].names.n;
}

const struct wd_object *wd_store_get(const struct wd_store *s, enum wd_resource kind,
                                     const char *ns, const char *name)
{
	struct wd_entry *e = wd_store_entry(s, kind, ns, name);

	return e ? wd_entry_object(e) : NULL;
}

void wd_store_each(const struct wd_store *s, enum wd_resource kind, const char *ns,
                   bool (*each)(const struct wd_object *o, void *ctx), void *ctx)
{
	struct wd_entry *e;
	uint32_t at = 0;

	while ((e = wd_table_each(&s->kinds[kind].names, &at))) {
		const struct wd_object *o = wd_entry_object(e);

		if ((!ns || strcmp(wd_object_ns(o), ns) == 0) && !each(o, ctx))
			return;
	}
}

/* ---- pods and nodes ------------------------------------------------------------------------ */

/* Asked for once a finding at most: an index of its own would cost every pod. */
const struct wd_pod *wd_store_pod_by_uid(const struct wd_store *s, const uint8_t uid[16])
{
	static const uint8_t none[16];
	struct wd_entry *e;
	uint32_t at = 0;

	if (memcmp(uid, none, sizeof(none)) == 0)
		return NULL;
	while ((e = wd_table_each(&s->kinds[WD_RESOURCE_POD].names, &at)))
		if (memcmp(wd_entry_object(e)->pod.uid, uid, 16) == 0)
			return &wd_entry_object(e)->pod;
	return NULL;
}

static bool has_ip(const struct wd_addr *ips, unsigned int n, const struct wd_addr *ip)
{
	for (unsigned int i = 0; i < n; i++)
		if (wd_addr_equal(&ips[i], ip))
			return true;
	return false;
}

/* The less, the more surely it owns its address. */
static unsigned int rank(const struct wd_pod *p)
{
	return (unsigned int)p->host_network << 2 | (unsigned int)p->terminal << 1 |
	       (unsigned int)p->terminating;
}

static void insert(const struct wd_pod *p, const struct wd_pod **ret, unsigned int n,
                   unsigned int max)
{
	unsigned int at = n < max ? n : max;

	while (at > 0 &&
	       (rank(ret[at - 1]) > rank(p) ||
	        (rank(ret[at - 1]) == rank(p) && strcmp(ret[at - 1]->name, p->name) > 0))) {
		if (at < max)
			ret[at] = ret[at - 1];
		at--;
	}
	if (at < max)
		ret[at] = p;
}

unsigned int wd_store_pods_by_ip(const struct wd_store *s, const struct wd_addr *ip,
                                 const struct wd_pod **ret, unsigned int max)
{
	struct wd_table_walk w = wd_table_find(&s->pod_ips, wd_store_hash_ip(s, ip));
	unsigned int n = 0, n_host = 0;
	struct wd_entry *e;

	while ((e = wd_table_next(&s->pod_ips, &w))) {
		const struct wd_pod *p = &wd_entry_object(e)->pod;

		if (!has_ip(p->ips, p->n_ips, ip))
			continue;
		insert(p, ret, n++, max);
		n_host += p->host_network;
	}
	return n == n_host ? n : n - n_host;
}

const struct wd_node_object *wd_store_node_by_ip(const struct wd_store *s, const struct wd_addr *ip)
{
	struct wd_table_walk w = wd_table_find(&s->node_ips, wd_store_hash_ip(s, ip));
	struct wd_entry *e;

	while ((e = wd_table_next(&s->node_ips, &w))) {
		const struct wd_node_object *n = &wd_entry_object(e)->node;

		if (has_ip(n->internal_ips, n->n_internal_ips, ip) ||
		    has_ip(n->external_ips, n->n_external_ips, ip))
			return n;
	}
	return NULL;
}

/* ---- services ------------------------------------------------------------------------------ */

static enum wd_service_via via(const struct wd_service *v, const struct wd_addr *ip)
{
	if (has_ip(v->cluster_ips, v->n_cluster_ips, ip))
		return WD_VIA_CLUSTER_IP;
	if (has_ip(v->external_ips, v->n_external_ips, ip))
		return WD_VIA_EXTERNAL_IP;
	return has_ip(v->lb_ips, v->n_lb_ips, ip) ? WD_VIA_LOAD_BALANCER : 0;
}

static const struct wd_service_port *port_of(const struct wd_service *v, uint16_t port,
                                             uint8_t proto)
{
	for (unsigned int i = 0; i < v->n_ports; i++)
		if (v->ports[i].port == port && v->ports[i].proto == proto)
			return &v->ports[i];
	return NULL;
}

bool wd_store_service_by_addr(const struct wd_store *s, const struct wd_addr *ip, uint16_t port,
                              uint8_t proto, struct wd_service_match *ret)
{
	struct wd_table_walk w = wd_table_find(&s->service_ips, wd_store_hash_ip(s, ip));
	struct wd_service_match best = {0};
	struct wd_entry *e;

	while ((e = wd_table_next(&s->service_ips, &w))) {
		struct wd_service_match m = {.service = &wd_entry_object(e)->service};

		m.via = via(m.service, ip);
		m.port = port_of(m.service, port, proto);
		/* several may share an external address: the one that has the port */
		if (m.via && (!best.service || (m.port && !best.port)))
			best = m;
	}
	if (!best.service)
		return false;
	*ret = best;
	return true;
}

bool wd_store_service_by_node_port(const struct wd_store *s, uint16_t port, uint8_t proto,
                                   struct wd_service_match *ret)
{
	struct wd_table_walk w = wd_table_find(&s->node_ports, wd_store_hash_port(s, port));
	struct wd_entry *e;

	while ((e = wd_table_next(&s->node_ports, &w))) {
		const struct wd_service *v = &wd_entry_object(e)->service;

		for (unsigned int i = 0; i < v->n_ports; i++) {
			if (v->ports[i].node_port != port || v->ports[i].proto != proto)
				continue;
			*ret = (struct wd_service_match){v, &v->ports[i], WD_VIA_NODE_PORT};
			return true;
		}
	}
	return false;
}

/* ---- endpoints ----------------------------------------------------------------------------- */

static bool port_fits(const struct wd_slice_port *p, uint16_t port, uint8_t proto)
{
	return !port || (p->proto == proto && (!p->port || p->port == port));
}

void wd_store_endpoints_by_addr(const struct wd_store *s, const struct wd_addr *ip, uint16_t port,
                                uint8_t proto,
                                bool (*each)(const struct wd_endpoint_match *m, void *ctx),
                                void *ctx)
{
	struct wd_table_walk w = wd_table_find(&s->slice_ips, wd_store_hash_ip(s, ip));
	struct wd_entry *e;

	while ((e = wd_table_next(&s->slice_ips, &w))) {
		const struct wd_slice *v = &wd_entry_object(e)->slice;

		for (unsigned int i = 0; i < v->n_endpoints; i++) {
			if (!wd_addr_equal(&v->endpoints[i].ip, ip))
				continue;
			for (unsigned int k = 0; k < v->n_ports; k++) {
				struct wd_endpoint_match m = {v, &v->endpoints[i], &v->ports[k]};

				if (port_fits(m.port, port, proto) && !each(&m, ctx))
					return;
			}
		}
	}
}

void wd_store_backends(const struct wd_store *s, const struct wd_service *svc,
                       const char *port_name,
                       bool (*each)(const struct wd_endpoint_match *m, void *ctx), void *ctx)
{
	struct wd_table_walk w =
		wd_table_find(&s->slice_service, wd_store_hash_name(s, svc->ns, svc->name));
	struct wd_entry *e;

	while ((e = wd_table_next(&s->slice_service, &w))) {
		const struct wd_slice *v = &wd_entry_object(e)->slice;

		if (strcmp(v->service, svc->name) != 0 || strcmp(v->ns, svc->ns) != 0)
			continue;
		for (unsigned int i = 0; i < v->n_endpoints; i++) {
			for (unsigned int k = 0; k < v->n_ports; k++) {
				struct wd_endpoint_match m = {v, &v->endpoints[i], &v->ports[k]};

				if ((!port_name || strcmp(m.port->name, port_name) == 0) &&
				    !each(&m, ctx))
					return;
			}
		}
	}
}
