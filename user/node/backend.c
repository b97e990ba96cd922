/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether the final address is one of this node, and who listens there.
 *
 * With kube-proxy in IPVS mode, and with node-local DNS, the node itself owns Service
 * addresses (devices kube-ipvs0, nodelocaldns): for a flow whose backend is not known,
 * such an address counts as the node's, and no listener is needed to serve it.
 */
#include "node/state.h"

#include <string.h>

#define OWNERS_MAX 8

/*
 * A namespace that could not be read has its addresses from the CNI cache, or it leaves
 * a hole in the answer: somebody lives there, and may own the address. One that has a name,
 * but no process any more (a sandbox that is gone), cannot be the server in question.
 */
static struct wd_netns *unread_owner(const struct wd_node *n, const struct wd_addr *addr,
                                     bool *hole)
{
	struct wd_netns *found = NULL;

	*hole = !n->netnses.complete;
	for (size_t i = 0; i < n->netnses.n; i++) {
		struct wd_netns *ns = &n->netnses.v[i];
		const struct wd_cnicache *c;
		bool described = false;

		if (ns->addrs_read || ns->gone)
			continue;
		for (size_t m = 0; m < n->netnses.n_mounts; m++) {
			size_t at = 0;

			if (n->netnses.mounts[m].ino != ns->ino)
				continue;
			while ((c = wd_cniresults_by_mount(&n->cni, n->netnses.mounts[m].name,
			                                   &at))) {
				described = described || c->n_addrs;
				for (unsigned int a = 0; a < c->n_addrs; a++)
					if (wd_addr_equal(&c->addrs[a], addr))
						found = ns;
			}
		}
		*hole = *hole || (!described && ns->n_pids);
	}
	return found;
}

/* Several have the address: the one that got it from a CNI plugin, if there is one. */
static struct wd_netns *cni_owner(const struct wd_node *n, const struct wd_addr *addr,
                                  const uint32_t *owners, size_t n_owners)
{
	struct wd_netns *found = NULL;
	const struct wd_cnicache *c;
	size_t at = 0;

	while ((c = wd_cniresults_by_addr(&n->cni, addr, &at))) {
		struct wd_netns *ns = wd_netnses_find_mount(&n->netnses, c->mount);

		for (size_t i = 0; ns && i < n_owners; i++) {
			if (owners[i] != wd_node_index(n, ns))
				continue;
			if (found && found != ns)
				return NULL;
			found = ns;
		}
	}
	return found;
}

struct wd_netns *wd_node_addr_netns(struct wd_node *n, const struct wd_addr *addr, bool *known)
{
	uint32_t owners[OWNERS_MAX];
	size_t count = wd_netaddrs_owners(&n->addrs, addr, owners, OWNERS_MAX);
	struct wd_netns *ns;
	bool hole;

	*known = false;
	if (wd_addr_is_loopback(addr) || wd_addr_is_any(addr) || wd_addr_is_multicast(addr))
		return NULL;
	if (count > 1) {
		ns = count <= OWNERS_MAX ? cni_owner(n, addr, owners, count) : NULL;
		*known = ns;
		return ns;
	}
	if (count == 1) {
		*known = true;
		return &n->netnses.v[owners[0]];
	}
	ns = unread_owner(n, addr, &hole);
	*known = ns || !hole;
	return ns;
}

static void listener_facts(struct wd_node *n, const struct wd_node_question *q,
                           struct wd_facts *ret)
{
	const struct wd_flow *f = q->flow;
	struct wd_listener_key key = {.netns = q->backend->ino, .addr = q->dest};
	const struct wd_listener_answer *a;

	if (!q->port)
		return;
	key.port = q->port;
	key.proto = f->tuple.proto;
	a = wd_listeners_ask(&n->listeners, &n->netnses, q->backend, &key, f->last_ns, &n->buf);
	if (!a)
		return;
	ret->backend.listener = a->listener;
	memcpy(ret->backend.ports, a->ports, sizeof(a->ports));
	ret->backend.n_ports = a->n_ports;
	ret->backend.queue_known = a->queue_known;
	ret->backend.queue = a->queue;
}

void wd_node_backend_facts(struct wd_node *n, struct wd_node_question *q, struct wd_facts *ret)
{
	bool known = false;

	if (wd_addr_is_loopback(&q->dest)) {
		/* Everybody has it; it means the one who says it. */
		q->backend = q->client;
		known = q->client;
	} else if (!q->flow->has_backend && q->client &&
	           wd_netaddrs_has(&n->addrs, wd_node_index(n, q->client), &q->dest)) {
		q->backend = q->client;
		known = true;
	} else {
		q->backend = wd_node_addr_netns(n, &q->dest, &known);
	}
	ret->backend.local_known = known;
	ret->backend.local = q->backend;
	if (!q->backend)
		return;
	ret->backend.host = q->backend->own;
	memcpy(ret->backend.netns, q->backend->name, sizeof(ret->backend.netns));
	wd_node_netns_pod(n, q->backend, &ret->backend.pod);
	listener_facts(n, q, ret);
}
