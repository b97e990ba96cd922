/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The node's own idea of Services: rule dumps (dump.h) through kube-proxy's readers
 * (kubeproxy.h) into a store, on the caller's event loop.
 *
 * The store's state says how far it can be believed. Complete means all that kube-proxy has
 * programmed: headless Services, and those that kube-proxy is told to leave alone, are never
 * there. kube-proxy works in one mode, so a tool that is missing hides nothing once its rules
 * were seen elsewhere (but for the tool of the other family). No rules of kube-proxy at all, as
 * with Cilium in its place: not complete, and `problem` says so.
 */
#ifndef WD_NODE_NODESERVICES_H
#define WD_NODE_NODESERVICES_H

#include <stdint.h>

#include "node/dump.h"
#include "node/kubeproxy.h"

struct wd_nodeservices;
struct wd_store;

/*
 * done: after each refresh, with the store filled; NULL none. tap, with its own tap_ctx: sees
 * every dump as well (whoever evaluates rules needs the same bytes); NULL none. All must outlive
 * it. -ENOMEM.
 */
struct wd_nodeservices_options {
	struct wd_dumps_options dumps;
	void (*done)(void *ctx);
	void *ctx;
	const struct wd_dumps_ops *tap;
	void *tap_ctx;
};

int wd_nodeservices_new(struct event_base *base, const struct wd_nodeservices_options *o,
                        struct wd_store *store, struct wd_nodeservices **ret);
void wd_nodeservices_free(struct wd_nodeservices *s);

/* Sees to it that what is known is no older than max_age_ns. 0: it is; -EINPROGRESS: it will be
 * when `done` comes; -EAGAIN: the CPU budget allows it only later (wd_dumps_due()). */
int wd_nodeservices_refresh(struct wd_nodeservices *s, uint64_t max_age_ns, uint64_t now_ns);
/* Since the last refresh that ended began; UINT64_MAX: none did. */
uint64_t wd_nodeservices_age(const struct wd_nodeservices *s, uint64_t now_ns);
const struct wd_dumps *wd_nodeservices_dumps(const struct wd_nodeservices *s);
/* Of the last refresh that ended. */
const struct wd_kubeproxy_report *wd_nodeservices_report(const struct wd_nodeservices *s);

#endif
