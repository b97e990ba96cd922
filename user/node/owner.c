/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who the client is: its process, its namespace, its pod.
 *
 * Process, cgroup and namespace can each lead to a pod, and each can mislead: a pid is
 * given again, a process with the node's network is of any pod or none, and a tool of
 * one pod may have entered the namespace of another.
 */
#include "node/state.h"

#include <errno.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

#define CGROUP_FILE_MAX (64u << 10)

/* A process that began after the flow is another one with the same number. Start times
 * are rounded down to clock ticks, so this never rejects the right one; slack for the
 * two clocks that are not read at the same moment. */
#define START_SLACK_NS (5 * WD_NSEC_PER_MSEC)

static bool began_before(int process, const struct wd_flow *f)
{
	uint64_t seen = f->start_ns ? f->start_ns : f->last_ns;
	uint64_t now, boot, start;

	if (wd_procfs_start_ns(process, &start))
		return false;
	if (!seen)
		return true;
	now = wd_clock_monotonic_ns();
	boot = wd_procfs_boottime_ns();
	/* CLOCK_BOOTTIME is ahead by the time that the machine was suspended. */
	return start <= seen + (boot > now ? boot - now : 0) + START_SLACK_NS;
}

int wd_node_process_open(const struct wd_node *n, const struct wd_flow *f)
{
	int fd WD_AUTO_FD = -1;

	/* The owner's pid is one of the initial pid namespace. */
	if (!f->owner.pid || !n->netnses.pids_are_ours)
		return -ESRCH;
	fd = wd_procfs_open_pid(n->netnses.proc, f->owner.pid);
	if (fd < 0)
		return fd;
	if (f->owner.netns && wd_procfs_netns(fd) != f->owner.netns)
		return -ESRCH;
	if (!began_before(fd, f))
		return -ESRCH;
	return wd_take_fd(fd);
}

static bool process_uid(struct wd_node *n, int dir, struct wd_pod_uid *ret)
{
	return !wd_node_read(n, dir, "cgroup", CGROUP_FILE_MAX) &&
	       wd_podpath_proc_uid(n->buf.data, n->buf.len, ret);
}

/* All entries of the CNI cache for the sandboxes mounted under this namespace's names;
 * false when there is none, or when they name different pods. */
static bool pod_by_mount(const struct wd_node *n, const struct wd_netns *ns, struct wd_pod_ref *ret)
{
	const struct wd_netnses *s = &n->netnses;
	const struct wd_cnicache *found = NULL, *c;

	for (size_t i = 0; i < s->n_mounts; i++) {
		size_t at = 0;

		if (s->mounts[i].ino != ns->ino)
			continue;
		while ((c = wd_cniresults_by_mount(&n->cni, s->mounts[i].name, &at))) {
			if (found && memcmp(&found->pod, &c->pod, sizeof(c->pod)))
				return false;
			found = c;
		}
	}
	if (found)
		*ret = found->pod;
	return found;
}

/* The pod to which all of its processes that are of a pod belong. A process without pod
 * (a tool of the node that looks in) does not count; two pods in one namespace mean that
 * one of them is a visitor. */
static bool pod_by_process(struct wd_node *n, struct wd_netns *ns, struct wd_pod_ref *ret)
{
	struct wd_pod_uid found = {0}, uid;

	for (unsigned int i = 0; i < ns->n_pids; i++) {
		int dir WD_AUTO_FD = wd_procfs_open_pid(n->netnses.proc, ns->pids[i]);

		if (dir < 0 || !process_uid(n, dir, &uid) || wd_procfs_netns(dir) != ns->ino)
			continue;
		if (found.text[0] && strcmp(found.text, uid.text)) {
			ns->pod_disputed = true;
			return false;
		}
		found = uid;
	}
	return found.text[0] && wd_podlogs_find(&n->logs, &found, ret);
}

/* A cache entry that is about another namespace, or about none that is left. */
static bool is_elsewhere(const struct wd_node *n, const struct wd_cnicache *c,
                         const struct wd_netns *ns)
{
	return c->mount[0] && wd_netnses_find_mount(&n->netnses, c->mount) != ns;
}

/* By the addresses that the namespace has, for runtimes whose sandboxes have no name. */
static bool pod_by_addr(const struct wd_node *n, const struct wd_netns *ns, struct wd_pod_ref *ret)
{
	const struct wd_cnicache *found = NULL, *c;
	uint32_t index = wd_node_index(n, ns);

	for (size_t i = 0; i < n->addrs.n; i++) {
		size_t at = 0;

		if (n->addrs.v[i].ns != index)
			continue;
		while ((c = wd_cniresults_by_addr(&n->cni, &n->addrs.v[i].prefix.addr, &at))) {
			if (is_elsewhere(n, c, ns))
				continue;
			if (found && memcmp(&found->pod, &c->pod, sizeof(c->pod)))
				return false;
			found = c;
		}
	}
	if (found)
		*ret = found->pod;
	return found;
}

bool wd_node_netns_pod(struct wd_node *n, struct wd_netns *ns, struct wd_pod_ref *ret)
{
	if (ns->own)
		return false;
	if (!ns->pod_asked) {
		memset(&ns->pod, 0, sizeof(ns->pod));
		ns->pod_disputed = false;
		if (!pod_by_mount(n, ns, &ns->pod) && !pod_by_process(n, ns, &ns->pod) &&
		    !pod_by_addr(n, ns, &ns->pod))
			memset(&ns->pod, 0, sizeof(ns->pod));
		ns->pod_asked = true;
	}
	if (ns->pod.ns[0])
		*ret = ns->pod;
	return ns->pod.ns[0];
}

/* What a process's cgroup says of it. */
struct owner {
	struct wd_pod_ref pod;
	struct wd_pod_uid uid;
	struct wd_container_id container;
};

/* Of the process itself: by its cgroup now, or by the one it had. */
static bool process_owner(struct wd_node *n, const struct wd_node_question *q, struct owner *ret)
{
	if (q->process < 0)
		return wd_cgroups_find(&n->cgroups, q->flow->owner.cgroup, &ret->uid,
		                       &ret->container) &&
		       wd_podlogs_find(&n->logs, &ret->uid, &ret->pod);
	return !wd_node_read(n, q->process, "cgroup", CGROUP_FILE_MAX) &&
	       wd_podpath_proc(n->buf.data ? n->buf.data : "", n->buf.len, &ret->uid,
	                       &ret->container) &&
	       wd_podlogs_find(&n->logs, &ret->uid, &ret->pod);
}

/* netns: the pod of the namespace is known, and a visitor in it has no say. */
static void owner_facts(struct wd_node *n, const struct wd_node_question *q, bool netns,
                        struct wd_facts *ret)
{
	struct owner o = {0};

	if (!process_owner(n, q, &o))
		return;
	if (!netns)
		ret->client.pod = o.pod;
	else if (strcmp(o.pod.ns, ret->client.pod.ns) || strcmp(o.pod.name, ret->client.pod.name))
		return;
	wd_podlogs_container(&n->logs, &o.uid, &o.pod, &o.container, ret->client.container);
}

void wd_node_client_facts(struct wd_node *n, struct wd_node_question *q, struct wd_facts *ret)
{
	const struct wd_flow *f = q->flow;
	bool known = false;

	if (q->client) {
		ret->client.host_known = true;
		ret->client.host = q->client->own;
		memcpy(ret->client.netns, q->client->name, sizeof(ret->client.netns));
		/* What a visitor does in a pod's namespace, policies see as that pod's. */
		if (wd_node_netns_pod(n, q->client, &ret->client.pod))
			owner_facts(n, q, true, ret);
		else if (!q->client->pod_disputed)
			owner_facts(n, q, false, ret);
		return;
	}
	if (f->owner.netns) {
		ret->client.host_known = n->netnses.own != 0;
		ret->client.host = false;
		/* Its address may be another pod's by now: only the process can tell. */
		owner_facts(n, q, false, ret);
		return;
	}
	if (wd_addr_is_loopback(&f->tuple.saddr) || wd_addr_is_any(&f->tuple.saddr))
		return;
	/* Nobody of this node has its address: it is a client from elsewhere. */
	ret->client.host_known = !wd_node_addr_netns(n, &f->tuple.saddr, &known) && known;
}
