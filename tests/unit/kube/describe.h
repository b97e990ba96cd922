/* SPDX-License-Identifier: Apache-2.0 */
/* Every field of an object in one line of text, so that two can be compared, and a wanted one be
 * written down. Fields that are zero or empty are not named. */
#ifndef WD_TEST_KUBE_DESCRIBE_H
#define WD_TEST_KUBE_DESCRIBE_H

#include <string.h>

#include "base/buf.h"
#include "model/cluster.h"

static inline void say_text(struct wd_buf *b, const char *name, const char *v)
{
	if (v[0])
		wd_buf_printf(b, " %s=%s", name, v);
}

static inline void say_number(struct wd_buf *b, const char *name, unsigned long long v)
{
	if (v)
		wd_buf_printf(b, " %s=%llu", name, v);
}

static inline void say_flag(struct wd_buf *b, const char *name, bool v)
{
	if (v)
		wd_buf_printf(b, " %s", name);
}

static inline void say_labels(struct wd_buf *b, const char *name, const struct wd_labels *l)
{
	if (!l->n)
		return;
	wd_buf_printf(b, " %s{", name);
	for (unsigned int i = 0; i < l->n; i++)
		wd_buf_printf(b, "%s%s:%s", i ? "," : "", l->v[i].key, l->v[i].value);
	wd_buf_puts(b, "}");
}

static inline void say_addrs(struct wd_buf *b, const char *name, const struct wd_addr *v,
                             unsigned int n)
{
	char s[WD_ADDR_STRLEN];

	if (!n)
		return;
	wd_buf_printf(b, " %s[", name);
	for (unsigned int i = 0; i < n; i++)
		wd_buf_printf(b, "%s%s", i ? "," : "", wd_addr_format(&v[i], s));
	wd_buf_puts(b, "]");
}

static inline void say_prefixes(struct wd_buf *b, const char *name, const struct wd_prefix *v,
                                unsigned int n)
{
	char s[WD_PREFIX_STRLEN];

	if (!n)
		return;
	wd_buf_printf(b, " %s[", name);
	for (unsigned int i = 0; i < n; i++)
		wd_buf_printf(b, "%s%s", i ? "," : "", wd_prefix_format(&v[i], s));
	wd_buf_puts(b, "]");
}

static inline void say_pod(struct wd_buf *b, const struct wd_pod *p)
{
	static const uint8_t none[16];

	say_text(b, "node", p->node);
	if (memcmp(p->uid, none, 16)) {
		wd_buf_puts(b, " uid=");
		for (int i = 0; i < 16; i++)
			wd_buf_printf(b, "%02x", p->uid[i]);
	}
	say_labels(b, "labels", &p->labels);
	say_addrs(b, "ips", p->ips, p->n_ips);
	for (unsigned int i = 0; i < p->n_ports; i++)
		wd_buf_printf(b, " %s:%u/%u", p->ports[i].name, p->ports[i].port,
		              p->ports[i].proto);
	say_flag(b, "host", p->host_network);
	say_flag(b, "terminating", p->terminating);
	say_flag(b, "terminal", p->terminal);
	say_flag(b, "ready", p->ready);
	say_flag(b, "on-demand", p->on_demand);
}

static inline void say_service(struct wd_buf *b, const struct wd_service *s)
{
	wd_buf_printf(b, " type=%u", s->type);
	say_flag(b, "headless", s->headless);
	say_addrs(b, "cluster", s->cluster_ips, s->n_cluster_ips);
	say_addrs(b, "external", s->external_ips, s->n_external_ips);
	say_addrs(b, "lb", s->lb_ips, s->n_lb_ips);
	say_prefixes(b, "sources", s->lb_sources, s->n_lb_sources);
	for (unsigned int i = 0; i < s->n_ports; i++) {
		const struct wd_service_port *p = &s->ports[i];

		wd_buf_printf(b, " %s:%u/%u>%u%s@%u", p->name, p->port, p->proto, p->target_port,
		              p->target_name, p->node_port);
	}
	say_labels(b, "selector", &s->selector);
	say_flag(b, "internal-local", s->internal_local);
	say_flag(b, "external-local", s->external_local);
	say_flag(b, "affinity", s->affinity);
	say_text(b, "name", s->external_name);
}

static inline void say_slice(struct wd_buf *b, const struct wd_slice *s)
{
	char text[WD_ADDR_STRLEN];

	say_text(b, "service", s->service);
	for (unsigned int i = 0; i < s->n_ports; i++)
		wd_buf_printf(b, " %s:%u/%u", s->ports[i].name, s->ports[i].port,
		              s->ports[i].proto);
	for (unsigned int i = 0; i < s->n_endpoints; i++) {
		const struct wd_endpoint *e = &s->endpoints[i];

		wd_buf_printf(b, " (%s", wd_addr_format(&e->ip, text));
		say_flag(b, "ready", e->ready);
		say_flag(b, "serving", e->serving);
		say_flag(b, "terminating", e->terminating);
		say_text(b, "node", e->node);
		say_text(b, "ns", e->pod_ns);
		say_text(b, "pod", e->pod);
		wd_buf_puts(b, ")");
	}
}

static inline void say_selector(struct wd_buf *b, const char *name, const struct wd_selector *s)
{
	if (!s->present)
		return;
	wd_buf_printf(b, " %s(", name);
	say_labels(b, "", &s->labels);
	for (unsigned int i = 0; i < s->n_exprs; i++) {
		wd_buf_printf(b, " %s#%u", s->exprs[i].key, s->exprs[i].op);
		for (unsigned int k = 0; k < s->exprs[i].n_values; k++)
			wd_buf_printf(b, ",%s", s->exprs[i].values[k]);
	}
	wd_buf_puts(b, ")");
}

static inline void say_rules(struct wd_buf *b, const char *name, const struct wd_policy_rule *v,
                             unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		wd_buf_printf(b, " %s<", name);
		for (unsigned int k = 0; k < v[i].n_peers; k++) {
			const struct wd_policy_peer *p = &v[i].peers[k];

			wd_buf_puts(b, " peer");
			if (p->has_block)
				say_prefixes(b, "block", &p->block, 1);
			say_prefixes(b, "except", p->except, p->n_except);
			say_selector(b, "pods", &p->pods);
			say_selector(b, "namespaces", &p->namespaces);
			say_flag(b, "unknown", p->unknown);
		}
		for (unsigned int k = 0; k < v[i].n_ports; k++)
			wd_buf_printf(b, " %u-%u%s/%u", v[i].ports[k].port, v[i].ports[k].end_port,
			              v[i].ports[k].named, v[i].ports[k].proto);
		wd_buf_puts(b, ">");
	}
}

static inline void say_policy(struct wd_buf *b, const struct wd_policy *p)
{
	say_selector(b, "pods", &p->pods);
	say_flag(b, "ingress", p->ingress);
	say_flag(b, "egress", p->egress);
	say_rules(b, "in", p->ingress_rules, p->n_ingress_rules);
	say_rules(b, "out", p->egress_rules, p->n_egress_rules);
}

static inline void say_node(struct wd_buf *b, const struct wd_node_object *n)
{
	say_labels(b, "labels", &n->labels);
	say_addrs(b, "internal", n->internal_ips, n->n_internal_ips);
	say_addrs(b, "external", n->external_ips, n->n_external_ips);
	say_prefixes(b, "cidrs", n->pod_cidrs, n->n_pod_cidrs);
	say_text(b, "provider", n->provider);
	say_text(b, "os", n->os_image);
	say_text(b, "kernel", n->kernel);
	say_text(b, "runtime", n->runtime);
	say_text(b, "kubelet", n->kubelet);
	say_flag(b, "ready", n->ready);
	say_flag(b, "unschedulable", n->unschedulable);
}

static inline void say_nnc(struct wd_buf *b, const struct wd_nnc *n)
{
	say_number(b, "requested", n->requested);
	say_number(b, "assigned", n->assigned);
	say_number(b, "max", n->max_ips);
	say_text(b, "status", n->status);
	for (unsigned int i = 0; i < n->n_containers; i++) {
		const struct wd_nnc_container *c = &n->containers[i];

		wd_buf_puts(b, " (");
		say_text(b, "id", c->id);
		say_text(b, "mode", c->mode);
		say_text(b, "type", c->type);
		say_text(b, "status", c->status);
		say_text(b, "subnet", c->subnet);
		say_prefixes(b, "space", &c->subnet_space, c->subnet_space.bits ? 1 : 0);
		say_prefixes(b, "primary", &c->primary, c->primary.bits ? 1 : 0);
		say_addrs(b, "ips", c->ips, c->n_ips);
		wd_buf_puts(b, ")");
	}
}

/* Appends. */
static inline void describe(struct wd_buf *b, const struct wd_object *o)
{
	wd_buf_printf(b, "%s %s/%s", wd_resource_kind(o->kind), wd_object_ns(o), wd_object_name(o));
	switch (o->kind) {
	case WD_RESOURCE_POD:
		say_pod(b, &o->pod);
		break;
	case WD_RESOURCE_SERVICE:
		say_service(b, &o->service);
		break;
	case WD_RESOURCE_SLICE:
		say_slice(b, &o->slice);
		break;
	case WD_RESOURCE_POLICY:
		say_policy(b, &o->policy);
		break;
	case WD_RESOURCE_NAMESPACE:
		say_labels(b, "labels", &o->namespace.labels);
		break;
	case WD_RESOURCE_NODE:
		say_node(b, &o->node);
		break;
	case WD_RESOURCE_NNC:
		say_nnc(b, &o->nnc);
		break;
	case WD_RESOURCE_MAX:
		break;
	}
}

#endif
