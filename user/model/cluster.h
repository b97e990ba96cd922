/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the cluster is made of, as far as whydrop needs it: plain objects, each the fields of
 * its Kubernetes namesake that bear on a connection (k8s.io/api core/v1, discovery/v1,
 * networking/v1; Azure's NodeNetworkConfig acn.azure.com/v1alpha).
 *
 * Every pointer is borrowed: from whoever parsed the object, or from the store that keeps it.
 * Strings are never NULL; "" is absent. Ports are host byte order. Names are as the source gave
 * them, unchecked: outputs escape them.
 */
#ifndef WD_MODEL_CLUSTER_H
#define WD_MODEL_CLUSTER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/*
 * One row a resource that is listed and watched: its name in code, its plural in URLs and in file
 * names of snapshots, the kind of one object, and the path in front of the plural.
 */
#define WD_RESOURCES(X)                                                             \
	X(POD, "pods", "Pod", "/api/v1")                                            \
	X(SERVICE, "services", "Service", "/api/v1")                                \
	X(SLICE, "endpointslices", "EndpointSlice", "/apis/discovery.k8s.io/v1")    \
	X(POLICY, "networkpolicies", "NetworkPolicy", "/apis/networking.k8s.io/v1") \
	X(NAMESPACE, "namespaces", "Namespace", "/api/v1")                          \
	X(NODE, "nodes", "Node", "/api/v1")                                         \
	X(NNC, "nodenetworkconfigs", "NodeNetworkConfig", "/apis/acn.azure.com/v1alpha")

enum wd_resource {
#define X(id, plural, kind, path) WD_RESOURCE_##id,
	WD_RESOURCES(X)
#undef X
		WD_RESOURCE_MAX,
};

const char *wd_resource_plural(enum wd_resource r);
const char *wd_resource_kind(enum wd_resource r);
const char *wd_resource_path(enum wd_resource r);
/* By the kind of an object ("Pod") or of its list ("PodList"); WD_RESOURCE_MAX: none. */
enum wd_resource wd_resource_of_kind(const char *kind);

struct wd_label {
	const char *key, *value;
};

struct wd_labels {
	const struct wd_label *v;
	unsigned int n;
};

/* NULL: it has no such label. */
const char *wd_labels_get(const struct wd_labels *l, const char *key);

/* ---- pods ------------------------------------------------------------------------------ */

struct wd_container_port {
	const char *name; /* "" none */
	uint16_t port;
	uint8_t proto; /* IP protocol number: 6, 17, 132 */
};

struct wd_pod {
	const char *ns, *name;
	const char *node; /* "" not scheduled */
	uint8_t uid[16];  /* zero: absent, or not of the form of a UUID */
	struct wd_labels labels;
	const struct wd_addr *ips; /* status.podIPs, the primary one first */
	unsigned int n_ips;
	const struct wd_container_port *ports; /* of all containers that stay: init containers only
	                                          with restartPolicy Always */
	unsigned int n_ports;
	bool host_network;
	bool terminating; /* has a deletionTimestamp */
	bool terminal;    /* phase Succeeded or Failed: owns its address no longer */
	bool ready;       /* condition Ready is True */
	bool on_demand;   /* fetched singly, by its address; not part of the watch */
};

/* ---- services -------------------------------------------------------------------------- */

enum wd_service_type {
	WD_SERVICE_CLUSTER_IP,
	WD_SERVICE_NODE_PORT,
	WD_SERVICE_LOAD_BALANCER,
	WD_SERVICE_EXTERNAL_NAME,
};

struct wd_service_port {
	const char *name; /* "" the only one of its service */
	uint16_t port;
	uint16_t node_port;      /* 0 none */
	uint16_t target_port;    /* 0: target_name, or the same as port when that is "" */
	const char *target_name; /* a named container port */
	uint8_t proto;
};

struct wd_service {
	const char *ns, *name;
	enum wd_service_type type;
	bool headless;                     /* clusterIP: None */
	const struct wd_addr *cluster_ips; /* one a family */
	unsigned int n_cluster_ips;
	const struct wd_addr *external_ips; /* spec.externalIPs */
	unsigned int n_external_ips;
	const struct wd_addr *lb_ips; /* status.loadBalancer.ingress[].ip */
	unsigned int n_lb_ips;
	const struct wd_prefix *lb_sources; /* loadBalancerSourceRanges */
	unsigned int n_lb_sources;
	const struct wd_service_port *ports;
	unsigned int n_ports;
	struct wd_labels selector; /* n 0: none */
	bool internal_local;       /* internalTrafficPolicy: Local */
	bool external_local;       /* externalTrafficPolicy: Local */
	bool affinity;             /* sessionAffinity: ClientIP */
	const char *external_name;
};

struct wd_endpoint {
	struct wd_addr ip;
	bool ready, serving, terminating; /* absent ready and serving count as true */
	const char *node;                 /* "" unknown */
	const char *pod_ns, *pod;         /* targetRef of kind Pod; "" none */
};

struct wd_slice_port {
	const char *name;
	uint16_t port; /* 0: every port */
	uint8_t proto;
};

struct wd_slice {
	const char *ns, *name;
	const char *service;                 /* label kubernetes.io/service-name; "" none */
	const struct wd_endpoint *endpoints; /* one for each address; FQDN slices have none */
	unsigned int n_endpoints;
	const struct wd_slice_port *ports;
	unsigned int n_ports;
};

/* ---- policies -------------------------------------------------------------------------- */

enum wd_selector_op {
	WD_SELECTOR_IN,
	WD_SELECTOR_NOT_IN,
	WD_SELECTOR_EXISTS,
	WD_SELECTOR_DOES_NOT_EXIST,
	WD_SELECTOR_UNKNOWN, /* of a later Kubernetes: whatever it selects is unknown */
};

struct wd_selector_expr {
	const char *key;
	enum wd_selector_op op;
	const char *const *values;
	unsigned int n_values;
};

/* matchLabels and matchExpressions. Empty and present: everything; absent: nothing of this kind
 * is said. */
struct wd_selector {
	bool present;
	struct wd_labels labels;
	const struct wd_selector_expr *exprs;
	unsigned int n_exprs;
};

struct wd_policy_port {
	uint8_t proto;     /* TCP unless said */
	uint16_t port;     /* 0: every port, unless named */
	uint16_t end_port; /* 0 none */
	const char *named; /* "" none */
};

struct wd_policy_peer {
	bool has_block;
	struct wd_prefix block;
	const struct wd_prefix *except;
	unsigned int n_except;
	struct wd_selector pods, namespaces;
	bool unknown; /* holds something that this version does not know, or an unreadable CIDR */
};

/* n_peers 0: any peer; n_ports 0: any protocol and port. */
struct wd_policy_rule {
	const struct wd_policy_peer *peers;
	unsigned int n_peers;
	const struct wd_policy_port *ports;
	unsigned int n_ports;
};

struct wd_policy {
	const char *ns, *name;
	struct wd_selector pods;
	bool ingress, egress; /* policyTypes, defaults applied */
	const struct wd_policy_rule *ingress_rules, *egress_rules;
	unsigned int n_ingress_rules, n_egress_rules;
};

/* ---- namespaces, nodes, Azure's NodeNetworkConfig ---------------------------------------- */

struct wd_namespace {
	const char *name;
	struct wd_labels labels;
};

struct wd_node_object {
	const char *name;
	struct wd_labels labels;
	const struct wd_addr *internal_ips, *external_ips;
	unsigned int n_internal_ips, n_external_ips;
	const struct wd_prefix *pod_cidrs;
	unsigned int n_pod_cidrs;
	const char *provider;                              /* spec.providerID */
	const char *os_image, *kernel, *runtime, *kubelet; /* status.nodeInfo */
	bool ready, unschedulable;
};

struct wd_nnc_container {
	const char *id, *mode, *type, *status, *subnet;
	struct wd_prefix subnet_space; /* bits 0: absent */
	struct wd_prefix primary;      /* a single address has 128 bits */
	const struct wd_addr *ips;     /* ipAssignments[].ip, those that are addresses */
	unsigned int n_ips;
};

struct wd_nnc {
	const char *ns, *name;
	uint64_t requested, assigned, max_ips; /* spec.requestedIPCount, status.assignedIPCount */
	const char *status;
	const struct wd_nnc_container *containers;
	unsigned int n_containers;
};

/* ---- any of them ------------------------------------------------------------------------- */

struct wd_object {
	enum wd_resource kind;
	union {
		struct wd_pod pod;
		struct wd_service service;
		struct wd_slice slice;
		struct wd_policy policy;
		struct wd_namespace namespace;
		struct wd_node_object node;
		struct wd_nnc nnc;
	};
};

/* "" for those without one. */
const char *wd_object_ns(const struct wd_object *o);
const char *wd_object_name(const struct wd_object *o);

#endif
