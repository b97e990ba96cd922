/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who stands behind the addresses of a flow: pods, Service and port, API server. Asks the stores
 * in order, and says for each answer which one gave it. Pure.
 *
 * An address that two live pods claim is nobody's. That a store does not know a name says
 * nothing by itself: see struct wd_store_state.
 */
#ifndef WD_MODEL_WHO_H
#define WD_MODEL_WHO_H

#include <stdbool.h>
#include <stdint.h>

#include "model/facts.h"
#include "model/store.h"
#include "model/tuple.h"

/* The best first. */
enum wd_source {
	WD_SOURCE_API,   /* the Kubernetes API, now */
	WD_SOURCE_STATE, /* what it said last, from a file */
	WD_SOURCE_NODE,  /* the node's own rules and files */
	WD_SOURCE_MAX,
};

/* "api", "state", "node". */
const char *wd_source_name(enum wd_source s);

struct wd_stores {
	const struct wd_store *v[WD_SOURCE_MAX]; /* NULL: there is none */
};

struct wd_who_pod {
	struct wd_pod_ref ref;      /* name "": unknown */
	char node[WD_POD_NAME_LEN]; /* "" unknown */
	enum wd_source source;
	bool terminating, terminal;
	unsigned int claims; /* pods that have this address in their status, live or not */
};

struct wd_who_service {
	char ns[WD_NS_NAME_LEN], name[WD_POD_NAME_LEN]; /* name "": unknown */
	char port[WD_NS_NAME_LEN];                      /* name of the port; "" it has none */
	bool port_undefined;                            /* the address is its, the port is not */
	enum wd_service_via via;
	enum wd_source source;
	/* What this source says of its endpoints for this port. */
	bool endpoints_known;
	unsigned int ready, endpoints;
	/* The backend that was chosen: is it one of them, and is it ready? */
	bool backend_known, backend_is_endpoint, backend_ready;
};

struct wd_who {
	struct wd_who_pod client, backend;
	struct wd_who_service service;
	bool api_server; /* the target is the API server, as its Service or directly */
	char api_name[WD_POD_NAME_LEN]; /* host name by which it is known; "" none */
	/* Age of what was asked, wall clock; UINT64_MAX: not known from anybody. */
	uint64_t age_ms[WD_RESOURCE_MAX];
	enum wd_source age_source[WD_RESOURCE_MAX];
	bool partial[WD_RESOURCE_MAX]; /* not everything of this kind is known */
};

/*
 * sent: as the client sent it, before NAT; backend: where it went (NULL: not known, or the same);
 * now_ns: wall clock.
 */
void wd_who_find(const struct wd_stores *s, const struct wd_tuple *sent,
                 const struct wd_addr *backend, uint16_t backend_port, uint64_t now_ns,
                 struct wd_who *ret);

#endif
