/* SPDX-License-Identifier: Apache-2.0 */
/* k8s.io/api/core/v1 Service and k8s.io/api/discovery/v1 EndpointSlice. */
#include <string.h>

#include "kube/parse.h"

/* ---- services ---------------------------------------------------------------------------- */

/* ClusterIP is also what the server makes of an absent type. One of a later Kubernetes is taken
 * for it: its addresses and ports mean the same. */
static enum wd_service_type service_type(const char *text)
{
	if (!strcmp(text, "NodePort"))
		return WD_SERVICE_NODE_PORT;
	if (!strcmp(text, "LoadBalancer"))
		return WD_SERVICE_LOAD_BALANCER;
	return strcmp(text, "ExternalName") ? WD_SERVICE_CLUSTER_IP : WD_SERVICE_EXTERNAL_NAME;
}

static void cluster_ip_add(struct wd_parse *p, struct wd_addr *v, struct wd_service *ret,
                           const char *text)
{
	if (!strcmp(text, "None"))
		ret->headless = true;
	else if (wd_addr_parse(text, &v[ret->n_cluster_ips]) == 0)
		ret->n_cluster_ips++;
	else if (text[0])
		p->left_out++;
}

/* clusterIPs, or clusterIP where that is all there is. */
static void cluster_ips_read(struct wd_parse *p, const struct wd_field *spec,
                             struct wd_service *ret)
{
	struct wd_field list = wd_field_array(p, spec, "clusterIPs");
	const char *only = wd_field_string(p, spec, "clusterIP");
	size_t n = wd_field_size(&list);
	struct wd_addr *v = wd_parse_alloc(p, n + 1, sizeof(*v));

	for (size_t i = 0; v && i < n; i++)
		cluster_ip_add(p, v, ret, wd_field_string_at(p, &list, i));
	if (v && !n)
		cluster_ip_add(p, v, ret, only);
	ret->cluster_ips = v;
}

/* An ingress may have a host name instead of an address. */
static void ingress_read(struct wd_parse *p, const struct wd_field *status, struct wd_service *ret)
{
	struct wd_field lb = wd_field_object(p, status, "loadBalancer");
	struct wd_field list = wd_field_array(p, &lb, "ingress");
	size_t n = wd_field_size(&list);
	struct wd_addr *v = wd_parse_alloc(p, n, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);
		const char *text = wd_field_string(p, &one, "ip");

		if (wd_addr_parse(text, &v[ret->n_lb_ips]) == 0)
			ret->n_lb_ips++;
		else if (text[0])
			p->left_out++;
	}
	ret->lb_ips = v;
}

/* False: left out. targetPort is a number or a container port's name. */
static bool service_port_read(struct wd_parse *p, const struct wd_field *f,
                              struct wd_service_port *ret)
{
	struct wd_field target = wd_field_any(p, f, "targetPort");
	int64_t port = wd_field_int(p, f, "port", 0), node = wd_field_int(p, f, "nodePort", 0);
	int64_t number = 0;

	ret->name = wd_field_string(p, f, "name");
	ret->proto = wd_field_proto(p, f);
	ret->target_name = "";
	if (json_is_integer(target.json))
		number = json_integer_value(target.json);
	else if (target.json && !json_is_string(target.json))
		wd_field_fail(p, &target, "neither an integer nor a string");
	else
		ret->target_name = wd_field_text(p, &target);
	if (!wd_parse_is_port(port) || !ret->proto || (node && !wd_parse_is_port(node)) ||
	    (number && !wd_parse_is_port(number)))
		return false;
	ret->port = (uint16_t)port;
	ret->node_port = (uint16_t)node;
	ret->target_port = (uint16_t)number;
	return true;
}

static void service_ports_read(struct wd_parse *p, const struct wd_field *spec,
                               struct wd_service *ret)
{
	struct wd_field list = wd_field_array(p, spec, "ports");
	size_t n = wd_field_size(&list);
	struct wd_service_port *v = wd_parse_alloc(p, n, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);

		if (service_port_read(p, &one, &v[ret->n_ports]))
			ret->n_ports++;
		else
			p->left_out++;
	}
	ret->ports = v;
}

void wd_parse_service(struct wd_parse *p, const struct wd_field *o, struct wd_service *ret)
{
	struct wd_field spec = wd_field_object(p, o, "spec");
	struct wd_field status = wd_field_object(p, o, "status");

	ret->type = service_type(wd_field_string(p, &spec, "type"));
	cluster_ips_read(p, &spec, ret);
	ret->external_ips = wd_field_addrs(p, &spec, "externalIPs", &ret->n_external_ips);
	ingress_read(p, &status, ret);
	ret->lb_sources =
		wd_field_prefixes(p, &spec, "loadBalancerSourceRanges", &ret->n_lb_sources);
	service_ports_read(p, &spec, ret);
	ret->selector = wd_field_labels(p, &spec, "selector");
	ret->internal_local = !strcmp(wd_field_string(p, &spec, "internalTrafficPolicy"), "Local");
	ret->external_local = !strcmp(wd_field_string(p, &spec, "externalTrafficPolicy"), "Local");
	ret->affinity = !strcmp(wd_field_string(p, &spec, "sessionAffinity"), "ClientIP");
	ret->external_name = wd_field_string(p, &spec, "externalName");
}

/* ---- slices ------------------------------------------------------------------------------ */

/* discovery/v1 types.go, EndpointConditions: nil ready and nil serving are to be taken for true,
 * nil terminating for false. */
static struct wd_endpoint endpoint_read(struct wd_parse *p, const struct wd_field *f,
                                        const char *ns)
{
	struct wd_field conditions = wd_field_object(p, f, "conditions");
	struct wd_field ref = wd_field_object(p, f, "targetRef");
	struct wd_endpoint e = {
		.ready = wd_field_bool(p, &conditions, "ready", true),
		.serving = wd_field_bool(p, &conditions, "serving", true),
		.terminating = wd_field_bool(p, &conditions, "terminating", false),
		.node = wd_field_string(p, f, "nodeName"),
		.pod_ns = "",
		.pod = "",
	};

	if (!strcmp(wd_field_string(p, &ref, "kind"), "Pod")) {
		e.pod = wd_field_string(p, &ref, "name");
		e.pod_ns = wd_field_string(p, &ref, "namespace");
		if (!e.pod[0] || !e.pod_ns[0])
			e.pod_ns = e.pod[0] ? ns : "";
	}
	return e;
}

/* One for each address of each endpoint. */
static void endpoints_read(struct wd_parse *p, const struct wd_field *list, struct wd_slice *ret)
{
	struct wd_endpoint *v = NULL;
	size_t total = 0;

	for (int pass = 0; pass < 2; pass++) {
		for (size_t i = 0; i < wd_field_size(list); i++) {
			struct wd_field one = wd_field_object_at(p, list, i);
			struct wd_field addrs = wd_field_array(p, &one, "addresses");
			struct wd_endpoint e;

			total += wd_field_size(&addrs);
			if (!v)
				continue;
			e = endpoint_read(p, &one, ret->ns);
			for (size_t j = 0; j < wd_field_size(&addrs); j++) {
				if (wd_addr_parse(wd_field_string_at(p, &addrs, j), &e.ip) == 0)
					v[ret->n_endpoints++] = e;
				else
					p->left_out++;
			}
		}
		if (pass == 0 && !(v = wd_parse_alloc(p, total, sizeof(*v))))
			return;
	}
	ret->endpoints = v;
}

/* An absent port is every port; an absent list is none. */
static void slice_ports_read(struct wd_parse *p, const struct wd_field *o, struct wd_slice *ret)
{
	struct wd_field list = wd_field_array(p, o, "ports");
	size_t n = wd_field_size(&list);
	struct wd_slice_port *v = wd_parse_alloc(p, n, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);
		struct wd_field port = wd_field_any(p, &one, "port");
		int64_t number = wd_field_int(p, &one, "port", 0);
		struct wd_slice_port s = {
			.name = wd_field_string(p, &one, "name"),
			.proto = wd_field_proto(p, &one),
		};

		if ((port.json && !wd_parse_is_port(number)) || !s.proto) {
			p->left_out++;
			continue;
		}
		s.port = (uint16_t)number;
		v[ret->n_ports++] = s;
	}
	ret->ports = v;
}

void wd_parse_slice(struct wd_parse *p, const struct wd_field *o, struct wd_slice *ret)
{
	struct wd_field meta = wd_field_object(p, o, "metadata");
	struct wd_field labels = wd_field_object(p, &meta, "labels");
	struct wd_field endpoints = wd_field_array(p, o, "endpoints");

	ret->service = wd_field_string(p, &labels, "kubernetes.io/service-name");
	slice_ports_read(p, o, ret);
	if (strcmp(wd_field_string(p, o, "addressType"), "FQDN"))
		endpoints_read(p, &endpoints, ret);
}
