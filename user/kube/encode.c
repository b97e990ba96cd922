/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/encode.h"

#include <string.h>

#include "base/text.h"
#include "kube/put.h"

void wd_encode_string(struct wd_buf *b, const char *s)
{
	size_t left = strlen(s), n;
	unsigned int cp;

	wd_buf_putc(b, '"');
	for (; left; s += n, left -= n) {
		unsigned char c = (unsigned char)*s;

		n = 1;
		if (c == '"' || c == '\\') {
			char two[2] = {'\\', (char)c};

			wd_buf_put(b, two, 2);
		} else if (c < 0x20) {
			wd_buf_printf(b, "\\u%04x", c);
		} else if (c < 0x80) {
			wd_buf_putc(b, (char)c);
		} else if ((n = wd_text_utf8(s, left, &cp)) > 0) {
			wd_buf_put(b, s, n);
		} else {
			wd_buf_puts(b, "\xef\xbf\xbd");
			n = 1;
		}
	}
	wd_buf_putc(b, '"');
}

static void ready(struct wd_buf *b, bool is)
{
	open_as(b, "conditions", '[');
	element(b);
	text(b, "type", "Ready");
	text(b, "status", is ? "True" : "False");
	shut(b, '}');
	shut(b, ']');
}

/* ---- pods -------------------------------------------------------------------------------- */

static void uid(struct wd_buf *b, const uint8_t u[16])
{
	static const uint8_t none[16];

	if (!memcmp(u, none, sizeof(none)))
		return;
	key(b, "uid");
	wd_buf_putc(b, '"');
	for (unsigned int i = 0; i < 16; i++)
		wd_buf_printf(b, "%s%02x", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", u[i]);
	wd_buf_putc(b, '"');
}

static void pod_meta(struct wd_buf *b, const struct wd_pod *p)
{
	uid(b, p->uid);
	labels(b, "labels", &p->labels);
	/* that there is one is all that is known */
	if (p->terminating)
		text(b, "deletionTimestamp", "1970-01-01T00:00:00Z");
}

static void pod(struct wd_buf *b, const struct wd_pod *p)
{
	open_as(b, "spec", '{');
	text(b, "nodeName", p->node);
	if (p->host_network)
		flag(b, "hostNetwork", true);
	if (p->n_ports) {
		open_as(b, "containers", '[');
		element(b);
		open_as(b, "ports", '[');
		for (unsigned int i = 0; i < p->n_ports; i++) {
			element(b);
			text(b, "name", p->ports[i].name);
			number(b, "containerPort", p->ports[i].port);
			proto(b, p->ports[i].proto);
			shut(b, '}');
		}
		wd_buf_puts(b, "]}]");
	}
	shut(b, '}');
	open_as(b, "status", '{');
	text(b, "phase", p->terminal ? "Failed" : "Running");
	ready(b, p->ready);
	addr_objects(b, "podIPs", p->ips, p->n_ips);
	shut(b, '}');
}

/* ---- services ---------------------------------------------------------------------------- */

static void service_ports(struct wd_buf *b, const struct wd_service *s)
{
	if (!s->n_ports)
		return;
	open_as(b, "ports", '[');
	for (unsigned int i = 0; i < s->n_ports; i++) {
		const struct wd_service_port *p = &s->ports[i];

		element(b);
		text(b, "name", p->name);
		proto(b, p->proto);
		number(b, "port", p->port);
		number(b, "nodePort", p->node_port);
		number(b, "targetPort", p->target_port);
		if (!p->target_port)
			text(b, "targetPort", p->target_name);
		shut(b, '}');
	}
	shut(b, ']');
}

static void service(struct wd_buf *b, const struct wd_service *s)
{
	static const char *const types[] = {"ClusterIP", "NodePort", "LoadBalancer",
	                                    "ExternalName"};

	open_as(b, "spec", '{');
	text(b, "type", types[s->type]);
	if (s->headless)
		text(b, "clusterIP", "None");
	addrs(b, "clusterIPs", s->cluster_ips, s->n_cluster_ips);
	addrs(b, "externalIPs", s->external_ips, s->n_external_ips);
	prefixes(b, "loadBalancerSourceRanges", s->lb_sources, s->n_lb_sources);
	service_ports(b, s);
	labels(b, "selector", &s->selector);
	if (s->internal_local)
		text(b, "internalTrafficPolicy", "Local");
	if (s->external_local)
		text(b, "externalTrafficPolicy", "Local");
	if (s->affinity)
		text(b, "sessionAffinity", "ClientIP");
	text(b, "externalName", s->external_name);
	shut(b, '}');
	if (!s->n_lb_ips)
		return;
	open_as(b, "status", '{');
	open_as(b, "loadBalancer", '{');
	addr_objects(b, "ingress", s->lb_ips, s->n_lb_ips);
	wd_buf_puts(b, "}}");
}

/* ---- slices ------------------------------------------------------------------------------ */

static void slice_meta(struct wd_buf *b, const struct wd_slice *s)
{
	struct wd_label one = {"kubernetes.io/service-name", s->service};
	struct wd_labels l = {&one, s->service[0] ? 1 : 0};

	labels(b, "labels", &l);
}

static void endpoint(struct wd_buf *b, const struct wd_endpoint *e)
{
	element(b);
	addrs(b, "addresses", &e->ip, 1);
	open_as(b, "conditions", '{');
	flag(b, "ready", e->ready);
	flag(b, "serving", e->serving);
	flag(b, "terminating", e->terminating);
	shut(b, '}');
	text(b, "nodeName", e->node);
	if (e->pod[0]) {
		open_as(b, "targetRef", '{');
		text(b, "kind", "Pod");
		text(b, "namespace", e->pod_ns);
		text(b, "name", e->pod);
		shut(b, '}');
	}
	shut(b, '}');
}

static void slice(struct wd_buf *b, const struct wd_slice *s)
{
	bool v4 = !s->n_endpoints || wd_addr_is_v4(&s->endpoints[0].ip);

	text(b, "addressType", v4 ? "IPv4" : "IPv6");
	open_as(b, "endpoints", '[');
	for (unsigned int i = 0; i < s->n_endpoints; i++)
		endpoint(b, &s->endpoints[i]);
	shut(b, ']');
	open_as(b, "ports", '[');
	for (unsigned int i = 0; i < s->n_ports; i++) {
		element(b);
		text(b, "name", s->ports[i].name);
		number(b, "port", s->ports[i].port);
		proto(b, s->ports[i].proto);
		shut(b, '}');
	}
	shut(b, ']');
}

/* ---- policies ---------------------------------------------------------------------------- */

static void expr(struct wd_buf *b, const struct wd_selector_expr *e)
{
	static const char *const ops[] = {"In", "NotIn", "Exists", "DoesNotExist", "Unknown"};

	element(b);
	text(b, "key", e->key);
	text(b, "operator", ops[e->op]);
	if (e->n_values) {
		open_as(b, "values", '[');
		for (unsigned int i = 0; i < e->n_values; i++) {
			sep(b);
			wd_encode_string(b, e->values[i]);
		}
		shut(b, ']');
	}
	shut(b, '}');
}

static void selector(struct wd_buf *b, const char *name, const struct wd_selector *s)
{
	if (!s->present)
		return;
	open_as(b, name, '{');
	labels(b, "matchLabels", &s->labels);
	if (s->n_exprs) {
		open_as(b, "matchExpressions", '[');
		for (unsigned int i = 0; i < s->n_exprs; i++)
			expr(b, &s->exprs[i]);
		shut(b, ']');
	}
	shut(b, '}');
}

static void peer(struct wd_buf *b, const struct wd_policy_peer *p)
{
	element(b);
	if (p->has_block) {
		open_as(b, "ipBlock", '{');
		prefix_text(b, "cidr", &p->block);
		prefixes(b, "except", p->except, p->n_except);
		shut(b, '}');
	}
	selector(b, "podSelector", &p->pods);
	selector(b, "namespaceSelector", &p->namespaces);
	/* no field of Kubernetes, which is what makes it unknown again */
	if (p->unknown)
		flag(b, "unknown", true);
	shut(b, '}');
}

static void policy_port(struct wd_buf *b, const struct wd_policy_port *p)
{
	element(b);
	proto(b, p->proto);
	number(b, "port", p->port);
	text(b, "port", p->named);
	number(b, "endPort", p->end_port);
	shut(b, '}');
}

static void rules(struct wd_buf *b, const char *name, const char *peers,
                  const struct wd_policy_rule *v, unsigned int n)
{
	open_as(b, name, '[');
	for (unsigned int i = 0; i < n; i++) {
		element(b);
		open_as(b, peers, '[');
		for (unsigned int k = 0; k < v[i].n_peers; k++)
			peer(b, &v[i].peers[k]);
		shut(b, ']');
		open_as(b, "ports", '[');
		for (unsigned int k = 0; k < v[i].n_ports; k++)
			policy_port(b, &v[i].ports[k]);
		wd_buf_puts(b, "]}");
	}
	shut(b, ']');
}

static void policy_type(struct wd_buf *b, const char *name)
{
	sep(b);
	wd_encode_string(b, name);
}

static void policy(struct wd_buf *b, const struct wd_policy *p)
{
	open_as(b, "spec", '{');
	selector(b, "podSelector", &p->pods);
	open_as(b, "policyTypes", '[');
	if (p->ingress)
		policy_type(b, "Ingress");
	if (p->egress)
		policy_type(b, "Egress");
	/* an empty list would be filled by default */
	if (!p->ingress && !p->egress)
		policy_type(b, "Neither");
	shut(b, ']');
	rules(b, "ingress", "from", p->ingress_rules, p->n_ingress_rules);
	rules(b, "egress", "to", p->egress_rules, p->n_egress_rules);
	shut(b, '}');
}

/* ---- nodes, NodeNetworkConfigs ----------------------------------------------------------- */

static void node_addrs(struct wd_buf *b, const char *type, const struct wd_addr *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		element(b);
		text(b, "type", type);
		addr_text(b, "address", &v[i]);
		shut(b, '}');
	}
}

static void node(struct wd_buf *b, const struct wd_node_object *n)
{
	open_as(b, "spec", '{');
	prefixes(b, "podCIDRs", n->pod_cidrs, n->n_pod_cidrs);
	text(b, "providerID", n->provider);
	if (n->unschedulable)
		flag(b, "unschedulable", true);
	shut(b, '}');
	open_as(b, "status", '{');
	ready(b, n->ready);
	open_as(b, "addresses", '[');
	node_addrs(b, "InternalIP", n->internal_ips, n->n_internal_ips);
	node_addrs(b, "ExternalIP", n->external_ips, n->n_external_ips);
	shut(b, ']');
	open_as(b, "nodeInfo", '{');
	text(b, "osImage", n->os_image);
	text(b, "kernelVersion", n->kernel);
	text(b, "containerRuntimeVersion", n->runtime);
	text(b, "kubeletVersion", n->kubelet);
	wd_buf_puts(b, "}}");
}

static void nnc_container(struct wd_buf *b, const struct wd_nnc_container *c)
{
	element(b);
	text(b, "id", c->id);
	text(b, "assignmentMode", c->mode);
	text(b, "type", c->type);
	text(b, "status", c->status);
	text(b, "subnetName", c->subnet);
	if (c->subnet_space.bits)
		prefix_text(b, "subnetAddressSpace", &c->subnet_space);
	if (c->primary.bits)
		prefix_text(b, "primaryIP", &c->primary);
	addr_objects(b, "ipAssignments", c->ips, c->n_ips);
	shut(b, '}');
}

static void nnc(struct wd_buf *b, const struct wd_nnc *n)
{
	open_as(b, "spec", '{');
	number(b, "requestedIPCount", n->requested);
	shut(b, '}');
	open_as(b, "status", '{');
	number(b, "assignedIPCount", n->assigned);
	text(b, "status", n->status);
	open_as(b, "scaler", '{');
	number(b, "maxIPCount", n->max_ips);
	shut(b, '}');
	open_as(b, "networkContainers", '[');
	for (unsigned int i = 0; i < n->n_containers; i++)
		nnc_container(b, &n->containers[i]);
	wd_buf_puts(b, "]}");
}

/* ---- any --------------------------------------------------------------------------------- */

static void more_meta(struct wd_buf *b, const struct wd_object *o)
{
	switch (o->kind) {
	case WD_RESOURCE_POD:
		pod_meta(b, &o->pod);
		break;
	case WD_RESOURCE_SLICE:
		slice_meta(b, &o->slice);
		break;
	case WD_RESOURCE_NAMESPACE:
		labels(b, "labels", &o->namespace.labels);
		break;
	case WD_RESOURCE_NODE:
		labels(b, "labels", &o->node.labels);
		break;
	default:
		break;
	}
}

void wd_encode_object(struct wd_buf *b, const struct wd_object *o)
{
	wd_buf_puts(b, "{\"metadata\":{");
	text(b, "namespace", wd_object_ns(o));
	text(b, "name", wd_object_name(o));
	more_meta(b, o);
	shut(b, '}');
	switch (o->kind) {
	case WD_RESOURCE_POD:
		pod(b, &o->pod);
		break;
	case WD_RESOURCE_SERVICE:
		service(b, &o->service);
		break;
	case WD_RESOURCE_SLICE:
		slice(b, &o->slice);
		break;
	case WD_RESOURCE_POLICY:
		policy(b, &o->policy);
		break;
	case WD_RESOURCE_NODE:
		node(b, &o->node);
		break;
	case WD_RESOURCE_NNC:
		nnc(b, &o->nnc);
		break;
	case WD_RESOURCE_NAMESPACE:
	case WD_RESOURCE_MAX:
		break;
	}
	shut(b, '}');
}
