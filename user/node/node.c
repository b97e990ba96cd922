/* SPDX-License-Identifier: Apache-2.0 */
#include "node/node.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "node/procnet.h"
#include "node/state.h"

/* Beyond this the scratch buffer is given back after a question. */
#define SCRATCH_KEPT (512u << 10)
#define NETSTAT_MAX  (64u << 10)

static struct wd_node_counters counters_now(struct wd_node *n, uint64_t now_ns)
{
	struct wd_node_counters c = {.at_ns = now_ns};

	c.insert_failed_known =
		!wd_node_read(n, n->netnses.proc, "self/net/stat/nf_conntrack", NETSTAT_MAX) &&
		!wd_conntrack_stat(n->buf.data, n->buf.len, "insert_failed", &c.insert_failed);
	c.rpf_known = !wd_node_read(n, n->netnses.proc, "self/net/netstat", NETSTAT_MAX) &&
	              !wd_procnet_counter(n->buf.data, n->buf.len, "TcpExt", "IPReversePathFilter",
	                                  &c.rpf);
	return c;
}

void wd_node_watch(struct wd_node *n, uint64_t now_ns)
{
	n->samples[n->n_samples++ % WD_NODE_SAMPLES] = counters_now(n, now_ns);
}

/* The last sample from before that time; the first of all when there is none. */
static const struct wd_node_counters *counters_before(const struct wd_node *n, uint64_t at_ns)
{
	unsigned int kept = n->n_samples < WD_NODE_SAMPLES ? n->n_samples : WD_NODE_SAMPLES;

	for (unsigned int i = 1; i <= kept; i++) {
		const struct wd_node_counters *c =
			&n->samples[(n->n_samples - i) % WD_NODE_SAMPLES];

		if (c->at_ns <= at_ns)
			return c;
	}
	return &n->first;
}

static uint64_t growth(uint64_t before, uint64_t now)
{
	return now > before ? now - before : 0;
}

int wd_node_new_at(const char *proc, const char *host_root, struct wd_node **ret)
{
	struct wd_node *n = calloc(1, sizeof(*n));
	int r;

	if (!n)
		return -ENOMEM;
	wd_buf_init(&n->buf, NETSTAT_MAX);
	wd_listeners_init(&n->listeners);
	r = wd_netnses_init(&n->netnses, proc, host_root);
	if (!r)
		r = wd_podlogs_init(&n->logs, n->netnses.host_root);
	if (!r)
		r = wd_cniresults_init(&n->cni, n->netnses.host_root);
	if (!r)
		r = wd_cgroups_init(&n->cgroups, n->netnses.host_root);
	if (r) {
		wd_node_free(n);
		return r;
	}
	n->first = counters_now(n, 0);
	*ret = n;
	return 0;
}

int wd_node_new(const char *host_root, struct wd_node **ret)
{
	return wd_node_new_at("/proc", host_root, ret);
}

void wd_node_free(struct wd_node *n)
{
	if (!n)
		return;
	wd_conntrack_free(n->conntrack);
	wd_devices_release(&n->devices);
	wd_rtnl_free(n->rtnl);
	wd_netaddrs_release(&n->addrs);
	wd_cgroups_release(&n->cgroups);
	wd_cniresults_release(&n->cni);
	wd_podlogs_release(&n->logs);
	wd_netnses_release(&n->netnses);
	wd_buf_release(&n->buf);
	free(n);
}

void wd_node_refresh(struct wd_node *n, bool missed)
{
	bool pods = wd_cniresults_refresh(&n->cni, missed, &n->buf);

	if (wd_netnses_refresh(&n->netnses, missed)) {
		/* The pace of the two is one: their cost is paid together. */
		uint64_t start = n->netnses.pace.last_ns - n->netnses.pace.cost_ns;

		wd_netaddrs_build(&n->addrs, &n->netnses, &n->buf);
		wd_pace_done(&n->netnses.pace, start);
		return;
	}
	for (size_t i = 0; pods && i < n->netnses.n; i++)
		n->netnses.v[i].pod_asked = false;
}

uint32_t wd_node_index(const struct wd_node *n, const struct wd_netns *ns)
{
	return (uint32_t)(ns - n->netnses.v);
}

int wd_node_read(struct wd_node *n, int dir, const char *path, size_t cap)
{
	n->buf.cap = cap;
	return wd_procfs_read(dir, path, &n->buf);
}

static bool counter_read(struct wd_node *n, const struct wd_netns *ns, const char *name,
                         uint64_t *ret)
{
	int dir WD_AUTO_FD = ns ? wd_netns_open(&n->netnses, ns) : -1;

	if (dir < 0 || wd_node_read(n, dir, "net/netstat", NETSTAT_MAX) ||
	    wd_procnet_counter(n->buf.data, n->buf.len, "TcpExt", name, ret))
		return false;
	return wd_procfs_netns(dir) == ns->ino;
}

/* Only what grew during the attempt is a witness, and only our own namespace is watched. */
static void counter_facts(struct wd_node *n, const struct wd_flow *f, const struct wd_netns *drop,
                          struct wd_facts *ret)
{
	const struct wd_node_counters *before = counters_before(n, f->start_ns);
	struct wd_node_counters now;

	if (!drop || !drop->own)
		return;
	now = counters_now(n, 0);
	ret->ct_known = before->insert_failed_known && now.insert_failed_known;
	if (ret->ct_known)
		ret->ct_insert_failed = growth(before->insert_failed, now.insert_failed);
	ret->rpf_known = before->rpf_known && now.rpf_known;
	if (ret->rpf_known)
		ret->rpf_drops = growth(before->rpf, now.rpf);
}

int wd_node_nat(struct wd_node *n, const struct wd_tuple *orig, struct wd_tuple *ret_reply)
{
	int r;

	if (!n->conntrack_tried) {
		n->conntrack_tried = true;
		r = wd_conntrack_new(&n->conntrack);
		if (r < 0)
			return r;
	}
	return n->conntrack ? wd_conntrack_reply(n->conntrack, orig, ret_reply) : -ENOENT;
}

bool wd_node_tracks(struct wd_node *n)
{
	/* counts what is not confirmed yet, too; below /proc/sys/net everybody sees their own */
	int r = wd_node_read(n, n->netnses.proc, "sys/net/netfilter/nf_conntrack_count", 64);

	if (r)
		return r != -ENOENT;
	return !n->buf.len || n->buf.data[0] != '0';
}

/* Namespace of the drop that reverse path filtering made, else of the first one. */
static const struct wd_netns *drop_netns(const struct wd_node *n, const struct wd_node_question *q)
{
	const struct wd_flow *f = q->flow;
	uint32_t ino = 0;

	for (unsigned int i = 0; i < f->n_drops && i < WD_FLOW_DROPS_MAX; i++) {
		const struct wd_event_drop *d = &f->drops[i].d;

		if (d->netns && d->reason && strstr(d->reason, "RPFILTER")) {
			ino = d->netns;
			break;
		}
		if (!ino)
			ino = d->netns;
	}
	/* A drop somewhere that we cannot read says nothing about the client's. */
	return ino ? wd_netnses_find(&n->netnses, ino) : q->client;
}

bool wd_node_question_prepare(struct wd_node *n, struct wd_node_question *q)
{
	const struct wd_flow *f = q->flow;
	uint32_t ino = f->owner.netns;
	bool known;

	if (!ino && q->process >= 0)
		ino = wd_procfs_netns(q->process);
	q->own = wd_netnses_find(&n->netnses, n->netnses.own);
	q->client = wd_netnses_find(&n->netnses, ino);
	if (!ino && !wd_addr_is_loopback(&f->tuple.saddr) && !wd_addr_is_any(&f->tuple.saddr))
		q->client = wd_node_addr_netns(n, &f->tuple.saddr, &known);
	return (ino && !q->client) ||
	       (!wd_addr_is_loopback(&q->dest) && !wd_node_addr_netns(n, &q->dest, &known));
}

void wd_node_facts(struct wd_node *n, const struct wd_flow *f, struct wd_facts *ret)
{
	struct wd_node_question q = {.flow = f, .process = -1};
	const struct wd_netns *drop;

	memset(ret, 0, sizeof(*ret));
	q.dest = f->has_backend ? f->backend : f->tuple.daddr;
	q.port = f->has_backend ? f->backend_port : f->tuple.dport;
	/* What was read before the flow's last event is second best. */
	wd_node_refresh(n, n->netnses.pace.last_ns < f->last_ns);
	q.process = wd_node_process_open(n, f);
	if (wd_node_question_prepare(n, &q)) {
		wd_node_refresh(n, true);
		wd_node_question_prepare(n, &q);
	}
	wd_node_client_facts(n, &q, ret);
	wd_node_backend_facts(n, &q, ret);
	wd_node_way_facts(n, &q, ret);

	drop = drop_netns(n, &q);
	counter_facts(n, f, drop, ret);
	ret->backend.overflows_known =
		f->tuple.proto == WD_PROTO_TCP &&
		counter_read(n, q.backend, "ListenOverflows", &ret->backend.overflows);

	if (q.process >= 0)
		close(q.process);
	if (n->buf.alloc > SCRATCH_KEPT)
		wd_buf_release(&n->buf);
}

const char *wd_node_netns_name(struct wd_node *n, uint32_t netns)
{
	struct wd_pod_ref pod;
	struct wd_netns *ns;

	wd_node_refresh(n, false);
	ns = wd_netnses_find(&n->netnses, netns);
	if (!ns && netns) {
		wd_node_refresh(n, true);
		ns = wd_netnses_find(&n->netnses, netns);
	}
	if (!ns)
		return NULL;
	if (wd_node_netns_pod(n, ns, &pod))
		snprintf(n->name, sizeof(n->name), "%s/%s", pod.ns, pod.name);
	else
		snprintf(n->name, sizeof(n->name), "%s", ns->name);
	return n->name[0] ? n->name : NULL;
}

bool wd_node_device_pod(struct wd_node *n, const char *device, struct wd_pod_ref *ret)
{
	const struct wd_cnicache *found = NULL, *c;
	size_t at = 0;

	wd_node_refresh(n, false);
	while ((c = wd_cniresults_by_device(&n->cni, device, &at))) {
		if (found && memcmp(&found->pod, &c->pod, sizeof(c->pod)))
			return false;
		found = c;
	}
	if (found)
		*ret = found->pod;
	return found;
}
