/* SPDX-License-Identifier: Apache-2.0 */
/* k8s.io/api/core/v1 Namespace and Node, and acn.azure.com/v1alpha NodeNetworkConfig (crd/ of
 * Azure/azure-container-networking). */
#include <string.h>

#include "kube/parse.h"

void wd_parse_namespace(struct wd_parse *p, const struct wd_field *o, struct wd_namespace *ret)
{
	struct wd_field meta = wd_field_object(p, o, "metadata");

	ret->labels = wd_field_labels(p, &meta, "labels");
}

/* ---- nodes ------------------------------------------------------------------------------- */

static const struct wd_addr *node_addrs(struct wd_parse *p, const struct wd_field *list,
                                        const char *type, unsigned int *ret_n)
{
	size_t n = wd_field_size(list);
	struct wd_addr *v = wd_parse_alloc(p, n, sizeof(*v));

	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, list, i);

		if (strcmp(wd_field_string(p, &one, "type"), type))
			continue;
		if (wd_addr_parse(wd_field_string(p, &one, "address"), &v[*ret_n]) == 0)
			++*ret_n;
		else
			p->left_out++;
	}
	return v;
}

/* podCIDRs, or podCIDR where that is all there is. */
static void pod_cidrs_read(struct wd_parse *p, const struct wd_field *spec,
                           struct wd_node_object *ret)
{
	const char *only = wd_field_string(p, spec, "podCIDR");
	struct wd_field list = wd_field_array(p, spec, "podCIDRs");
	struct wd_prefix *one;

	ret->pod_cidrs = wd_field_prefixes(p, spec, "podCIDRs", &ret->n_pod_cidrs);
	if (wd_field_size(&list) || !only[0])
		return;
	one = wd_parse_alloc(p, 1, sizeof(*one));
	if (one && wd_parse_prefix(only, one))
		ret->n_pod_cidrs = 1;
	else
		p->left_out++;
	ret->pod_cidrs = one;
}

void wd_parse_node(struct wd_parse *p, const struct wd_field *o, struct wd_node_object *ret)
{
	struct wd_field meta = wd_field_object(p, o, "metadata");
	struct wd_field spec = wd_field_object(p, o, "spec");
	struct wd_field status = wd_field_object(p, o, "status");
	struct wd_field info = wd_field_object(p, &status, "nodeInfo");
	struct wd_field addrs = wd_field_array(p, &status, "addresses");

	ret->labels = wd_field_labels(p, &meta, "labels");
	ret->internal_ips = node_addrs(p, &addrs, "InternalIP", &ret->n_internal_ips);
	ret->external_ips = node_addrs(p, &addrs, "ExternalIP", &ret->n_external_ips);
	pod_cidrs_read(p, &spec, ret);
	ret->provider = wd_field_string(p, &spec, "providerID");
	ret->unschedulable = wd_field_bool(p, &spec, "unschedulable", false);
	ret->os_image = wd_field_string(p, &info, "osImage");
	ret->kernel = wd_field_string(p, &info, "kernelVersion");
	ret->runtime = wd_field_string(p, &info, "containerRuntimeVersion");
	ret->kubelet = wd_field_string(p, &info, "kubeletVersion");
	ret->ready = wd_field_condition(p, &status, "Ready");
}

/* ---- NodeNetworkConfig ------------------------------------------------------------------- */

/* An address or a prefix; a network container without one has "". */
static struct wd_prefix prefix_read(struct wd_parse *p, const struct wd_field *f, const char *key)
{
	const char *text = wd_field_string(p, f, key);
	struct wd_prefix ret = {0};

	if (text[0] && !wd_parse_prefix(text, &ret))
		p->left_out++;
	return ret;
}

/* Blocks (type vnetblock has 10.0.0.16/28 here) are no addresses. */
static void assignments_read(struct wd_parse *p, const struct wd_field *f,
                             struct wd_nnc_container *ret)
{
	struct wd_field list = wd_field_array(p, f, "ipAssignments");
	size_t n = wd_field_size(&list);
	struct wd_addr *v = wd_parse_alloc(p, n, sizeof(*v));
	struct wd_prefix block;

	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);
		const char *text = wd_field_string(p, &one, "ip");

		if (wd_addr_parse(text, &v[ret->n_ips]) == 0)
			ret->n_ips++;
		else if (text[0] && !wd_parse_prefix(text, &block))
			p->left_out++;
	}
	ret->ips = v;
}

static void container_read(struct wd_parse *p, const struct wd_field *f,
                           struct wd_nnc_container *ret)
{
	ret->id = wd_field_string(p, f, "id");
	ret->mode = wd_field_string(p, f, "assignmentMode");
	ret->type = wd_field_string(p, f, "type");
	ret->status = wd_field_string(p, f, "status");
	ret->subnet = wd_field_string(p, f, "subnetName");
	ret->subnet_space = prefix_read(p, f, "subnetAddressSpace");
	ret->primary = prefix_read(p, f, "primaryIP");
	assignments_read(p, f, ret);
}

void wd_parse_nnc(struct wd_parse *p, const struct wd_field *o, struct wd_nnc *ret)
{
	struct wd_field spec = wd_field_object(p, o, "spec");
	struct wd_field status = wd_field_object(p, o, "status");
	struct wd_field scaler = wd_field_object(p, &status, "scaler");
	struct wd_field list = wd_field_array(p, &status, "networkContainers");
	size_t n = wd_field_size(&list);
	struct wd_nnc_container *v = wd_parse_alloc(p, n, sizeof(*v));

	ret->requested = wd_field_count(p, &spec, "requestedIPCount");
	ret->assigned = wd_field_count(p, &status, "assignedIPCount");
	ret->max_ips = wd_field_count(p, &scaler, "maxIPCount");
	ret->status = wd_field_string(p, &status, "status");
	for (size_t i = 0; v && i < n; i++) {
		struct wd_field one = wd_field_object_at(p, &list, i);

		container_read(p, &one, &v[ret->n_containers++]);
	}
	ret->containers = v;
}
