/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Kubernetes API as whydrop uses it: it keeps a store as the cluster is, tells how well that
 * works, and hands out raw lists. One thread: the caller's event loop. Nothing here prints; nothing
 * waits. All memory is bounded, whatever the server sends. The program must ignore SIGPIPE: OpenSSL
 * writes to sockets that may be closed.
 *
 * What is asked for, by scope:
 *   NODE  for programs that stay on each node: pods with spec.nodeName=NODE, the node's own
 *         Node and NodeNetworkConfig; Services, EndpointSlices, NetworkPolicies and Namespaces
 *         in full (small). Pods elsewhere by wd_kube_want_pod(). Other nodes are unknown: in full
 *         they are 10 KiB each, with a heartbeat of each in the watch.
 *   ALL   for commands that a person runs once: everything.
 */
#ifndef WD_KUBE_KUBE_H
#define WD_KUBE_KUBE_H

#include <stdbool.h>

#include "kube/client.h"
#include "kube/config.h"
#include "kube/raw.h"
#include "kube/times.h"
#include "kube/wants.h"
#include "model/store.h"

struct event_base;
struct wd_kube;

enum wd_kube_scope {
	WD_KUBE_SCOPE_NODE,
	WD_KUBE_SCOPE_ALL,
};

struct wd_kube_options {
	struct event_base *loop;
	struct wd_store *store;
	const char *host_root;  /* NULL: / */
	const char *kubeconfig; /* NULL: see config.h */
	const char *context;    /* NULL: the current one */
	const char *account;    /* where the service account's files are; NULL: the usual place */
	const char *node;       /* spec.nodeName; needed for scope NODE */
	enum wd_kube_scope scope;
	bool no_watch; /* list once */
	/* what changes, in one line without its end, which may hold bytes from outside; not from
	 * within it free the wd_kube. May be NULL. */
	void (*log)(const char *line, void *ctx);
	void *ctx;
	const struct wd_kube_times *times; /* NULL: as usual */
};

/* Reads the configuration; no connection yet. As wd_kube_config_new(); -EINVAL: no usable node. */
int wd_kube_new(const struct wd_kube_options *o, struct wd_kube **ret, char err[WD_KUBE_ERRLEN]);
/* -ENOMEM. */
int wd_kube_start(struct wd_kube *k);
/* At any time, but not from a callback of it. The store stays as it is. */
void wd_kube_free(struct wd_kube *k);

/* Of every resource it is known how it went: it was listed, it is not served, or there is a
 * problem, which may pass. For commands that run once. */
bool wd_kube_settled(const struct wd_kube *k);
const struct wd_kube_health *wd_kube_health(const struct wd_kube *k);
/*
 * The way to the API server in one sentence, for evidence: "whydrop's own connection to
 * https://10.0.0.1:443 failed 3.1 s ago: 10.0.0.1:443 did not answer within 5.0 s (connect timed
 * out)". Times are against now. Returns buf.
 */
char *wd_kube_health_words(const struct wd_kube_health *h, uint64_t now_ns, char *buf, size_t size);

/* A pod of another node is needed, by its address; enum wd_want, or negative as wd_wants_ask(). */
int wd_kube_want_pod(struct wd_kube *k, const struct wd_addr *ip);

/* See raw.h. To be freed before the wd_kube. */
int wd_kube_list_raw(struct wd_kube *k, const struct wd_raw_request *q, struct wd_raw **ret);

#endif
