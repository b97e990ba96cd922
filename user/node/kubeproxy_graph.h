/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the readers of kube-proxy's rules collect: chains, where they jump to and which backends
 * they name; and fronts, the addresses and ports that lead into a chain. Used by
 * kubeproxy*.c only.
 */
#ifndef WD_NODE_KUBEPROXY_GRAPH_H
#define WD_NODE_KUBEPROXY_GRAPH_H

#include "base/addr.h"
#include "base/buf.h"
#include "node/kubeproxy.h"
#include "node/lines.h"

#define WD_KP_NONE UINT32_MAX

enum wd_kp_via {
	WD_KP_CLUSTER,
	WD_KP_EXTERNAL,
	WD_KP_LB,
	WD_KP_OUTSIDE,   /* one of the two, or a node's */
	WD_KP_ANY,       /* a cluster IP if the set cluster-ips has it, else as OUTSIDE */
	WD_KP_NODE_PORT, /* no address */
};

/* "ns/svc:port" taken apart, checked against RFC 1123; port "" none. */
struct wd_kp_name {
	struct wd_span ns, svc, port;
};

struct wd_kp_chain {
	uint32_t name, name_len; /* in the pool */
	uint32_t hash, mark;
	uint32_t edges, backends, sources; /* heads of lists, WD_KP_NONE none */
	uint8_t space;                     /* source and family: chains of two never mix */
	bool local;                        /* of the endpoints on this node only */
	bool affinity;
};

struct wd_kp_edge {
	uint32_t next, to;
};

struct wd_kp_backend {
	struct wd_addr ip;
	uint32_t next;
	uint16_t port;
};

struct wd_kp_source {
	struct wd_prefix prefix;
	uint32_t next;
};

struct wd_kp_service {
	uint32_t ns, name, len; /* in the pool; len: of both */
	uint32_t hash;
	uint32_t ports; /* head of list */
	uint16_t n_ports;
	bool internal_local, external_local, affinity;
};

struct wd_kp_port {
	uint32_t next, name; /* name in the pool */
	uint16_t port, node_port;
	uint16_t index; /* within its service */
	uint8_t proto;
};

struct wd_kp_front {
	struct wd_addr addr;
	uint32_t service, port; /* port: index of a struct wd_kp_port */
	uint32_t chain;         /* WD_KP_NONE: it leads nowhere */
	uint8_t via;
	bool local; /* refused here for want of endpoints on this node */
};

struct wd_kp_hash {
	uint32_t *slots; /* index + 1; 0 free */
	uint32_t mask, n;
};

#define WD_KP_VEC(type)            \
	struct {                   \
		type *v;           \
		uint32_t n, alloc; \
	}

struct wd_kubeproxy {
	struct wd_kubeproxy_report report;
	int err; /* -ENOMEM, once and for all */
	WD_KP_VEC(char) pool;
	WD_KP_VEC(struct wd_kp_chain) chains;
	WD_KP_VEC(struct wd_kp_edge) edges;
	WD_KP_VEC(struct wd_kp_backend) backends;
	WD_KP_VEC(struct wd_kp_source) sources;
	WD_KP_VEC(struct wd_kp_service) services;
	WD_KP_VEC(struct wd_kp_port) ports;
	WD_KP_VEC(struct wd_kp_front) fronts;
	WD_KP_VEC(struct wd_addr) cluster_ips; /* nftables' set */
	struct wd_kp_hash by_chain, by_service;

	/* The iptables-save that is being read. */
	enum wd_kubeproxy_source source;
	uint64_t line;
	struct wd_buf partial; /* the start of a line whose end is in the next piece */
	bool too_long;         /* that line is left out */
	bool in_table, nat;
};

/* All of these set k->err and return WD_KP_NONE resp. false when memory runs out, and set
 * report.cut at a limit. */
uint32_t wd_kp_chain(struct wd_kubeproxy *k, unsigned int space, struct wd_span name);
bool wd_kp_edge(struct wd_kubeproxy *k, uint32_t from, uint32_t to);
bool wd_kp_backend(struct wd_kubeproxy *k, uint32_t chain, const struct wd_addr *ip, uint16_t port);
bool wd_kp_source(struct wd_kubeproxy *k, uint32_t chain, const struct wd_prefix *p);
bool wd_kp_cluster_ip(struct wd_kubeproxy *k, const struct wd_addr *ip);

/* Addr NULL: a node port. The front is returned, valid until the next one. */
struct wd_kp_front *wd_kp_front(struct wd_kubeproxy *k, const struct wd_kp_name *name,
                                const struct wd_addr *addr, uint16_t port, uint8_t proto,
                                enum wd_kp_via via, uint32_t chain);

/* One that could not be understood; where: "iptables-legacy-save line 12". */
void wd_kp_refuse(struct wd_kubeproxy *k, const char *where, const char *text, size_t n);

/* "ns/svc" or "ns/svc:port"; false unless every part is a name. */
bool wd_kp_name_parse(struct wd_span s, struct wd_kp_name *ret);
bool wd_kp_addr_parse(struct wd_span s, struct wd_addr *ret);
bool wd_kp_prefix_parse(struct wd_span s, struct wd_prefix *ret);
/* "tcp", "udp", "sctp"; 0: another. */
uint8_t wd_kp_proto_parse(struct wd_span s);

#endif
