/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The indexed cluster: every object that a source told of, once. Sources are the Kubernetes
 * API, a snapshot, what was kept of the API's last words, and the node's own traces; each
 * fills a store of its own through the same calls.
 *
 * put() copies what it is given (strings are kept once, counted), so that callers parse into
 * scratch memory. Pointers that lookups return hold until the next change of the store.
 * Not there is not the same as not in the cluster: see struct wd_store_state.
 */
#ifndef WD_MODEL_STORE_H
#define WD_MODEL_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cluster.h"

struct wd_store;

int wd_store_new(struct wd_store **ret);
void wd_store_free(struct wd_store *s);

/* ---- filling ------------------------------------------------------------------------------ */

/* Adds, or replaces the one of the same kind, namespace and name. -ENOMEM: unchanged. -EINVAL: it
 * has no name. -ENOSPC: WD_STORE_OBJECTS_MAX of its kind are there. */
#define WD_STORE_OBJECTS_MAX 1000000u
int wd_store_put(struct wd_store *s, const struct wd_object *o);
/* -ENOENT: there is none. */
int wd_store_delete(struct wd_store *s, enum wd_resource kind, const char *ns, const char *name);
/* Between the two, every put() marks; end(true) deletes what was not put again (a list is
 * complete), end(false) deletes nothing (the list broke off). On-demand pods stay. */
void wd_store_resync_begin(struct wd_store *s, enum wd_resource kind);
void wd_store_resync_end(struct wd_store *s, enum wd_resource kind, bool complete);
/* Grows with every change: who derives something from the store knows when to do it anew. */
uint64_t wd_store_generation(const struct wd_store *s, enum wd_resource kind);

/* What is known of a kind as a whole. Zero: nothing. */
struct wd_store_state {
	bool complete;       /* all of `scope` were listed at least once */
	bool node_only;      /* only those of this node; the others are unknown, not absent */
	bool live;           /* a watch is open now */
	bool absent;         /* the server does not serve this resource */
	uint64_t as_of_ns;   /* wall clock: the last time that the source confirmed it */
	uint64_t skipped;    /* objects that could not be read: their names are unknown */
	const char *problem; /* NULL, or why it is not complete or not live; owned by the store */
};
/* Copies *st, problem included. */
void wd_store_set_state(struct wd_store *s, enum wd_resource kind, const struct wd_store_state *st);
const struct wd_store_state *wd_store_state(const struct wd_store *s, enum wd_resource kind);

/* An address of the API server, whatever told of it ("KUBERNETES_SERVICE_HOST", …). Port 0: any. */
#define WD_STORE_API_MAX 64
struct wd_api_server {
	struct wd_addr ip;
	uint16_t port;
	const char *name;   /* the host name that led here; "" none */
	const char *source; /* literal */
};
/* The whole list at once; copied. More than WD_STORE_API_MAX are cut. */
int wd_store_set_api_servers(struct wd_store *s, const struct wd_api_server *v, unsigned int n);
unsigned int wd_store_api_servers(const struct wd_store *s, const struct wd_api_server **ret);

/* ---- looking up --------------------------------------------------------------------------- */

unsigned int wd_store_count(const struct wd_store *s, enum wd_resource kind);
/* NULL: not there. ns "" for namespaces and nodes. */
const struct wd_object *wd_store_get(const struct wd_store *s, enum wd_resource kind,
                                     const char *ns, const char *name);
const struct wd_pod *wd_store_pod_by_uid(const struct wd_store *s, const uint8_t uid[16]);

/*
 * Pods that have this address in their status, those that own it first: not terminal before
 * terminal, not terminating before terminating. hostNetwork pods are told only when nobody else
 * has it. Returns how many there are in all; at most `max` are stored.
 */
unsigned int wd_store_pods_by_ip(const struct wd_store *s, const struct wd_addr *ip,
                                 const struct wd_pod **ret, unsigned int max);
/* The node that has this address; NULL none. */
const struct wd_node_object *wd_store_node_by_ip(const struct wd_store *s,
                                                 const struct wd_addr *ip);

enum wd_service_via {
	WD_VIA_CLUSTER_IP = 1,
	WD_VIA_EXTERNAL_IP,
	WD_VIA_LOAD_BALANCER,
	WD_VIA_NODE_PORT, /* by port alone: it is for the caller to know that the address is a
	                     node's */
};

struct wd_service_match {
	const struct wd_service *service;
	const struct wd_service_port *port; /* NULL: the address is its, the port is not defined */
	enum wd_service_via via;
};

/* Who has this address and port. False: no Service has the address. */
bool wd_store_service_by_addr(const struct wd_store *s, const struct wd_addr *ip, uint16_t port,
                              uint8_t proto, struct wd_service_match *ret);
bool wd_store_service_by_node_port(const struct wd_store *s, uint16_t port, uint8_t proto,
                                   struct wd_service_match *ret);

struct wd_endpoint_match {
	const struct wd_slice *slice;
	const struct wd_endpoint *endpoint;
	const struct wd_slice_port *port;
};

/* Every place where a slice names this address (port 0: with any port). The callback ends the walk
 * by returning false. */
void wd_store_endpoints_by_addr(const struct wd_store *s, const struct wd_addr *ip, uint16_t port,
                                uint8_t proto,
                                bool (*each)(const struct wd_endpoint_match *m, void *ctx),
                                void *ctx);
/* Every endpoint of a Service; port name NULL: of all ports. */
void wd_store_backends(const struct wd_store *s, const struct wd_service *svc,
                       const char *port_name,
                       bool (*each)(const struct wd_endpoint_match *m, void *ctx), void *ctx);
/* Every object of a kind, in no order; ns NULL: of all namespaces. */
void wd_store_each(const struct wd_store *s, enum wd_resource kind, const char *ns,
                   bool (*each)(const struct wd_object *o, void *ctx), void *ctx);

#endif
