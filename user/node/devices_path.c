/* SPDX-License-Identifier: Apache-2.0 */
/*
 * By which devices of the node the packets of a flow should pass: the host sides of the
 * client's and the backend's devices, and where the route leads.
 */
#include "node/node.h"
#include "node/state.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

static int rtnl_get(struct wd_node *n)
{
	if (!n->rtnl_tried) {
		n->rtnl_tried = true;
		(void)wd_rtnl_new(&n->rtnl);
	}
	return n->rtnl ? 0 : -EIO;
}

int wd_node_devices(struct wd_node *n, const struct wd_devices **ret)
{
	uint64_t start = wd_clock_monotonic_ns();
	int r = rtnl_get(n);

	if (r < 0)
		return r;
	if (wd_rtnl_changed(n->rtnl) ||
	    (!n->devices.n && wd_pace_due(&n->devices_pace, start, true))) {
		r = wd_devices_read(n->rtnl, &n->devices);
		n->devices_read++;
		wd_pace_done(&n->devices_pace, start);
		if (r < 0)
			return r;
	}
	*ret = &n->devices;
	return 0;
}

unsigned int wd_node_devices_generation(const struct wd_node *n)
{
	return n->devices_read;
}

static bool has_xdp(const struct wd_device *d)
{
	return d && d->xdp && !wd_rtnl_is_ours(d->xdp_id);
}

/* XDP stands in front of tc, also on what a bond, bridge or VLAN is made of (on Azure the
 * virtual function below eth0): what it drops or sends elsewhere no filter sees. */
static bool xdp_before(struct wd_node *n, uint32_t ifindex)
{
	const struct wd_devices *all;
	const struct wd_device *d;

	if (wd_node_devices(n, &all) < 0)
		return true;
	d = wd_devices_find(all, ifindex);
	if (has_xdp(d) || (d && d->peer && d->nsid < 0 && has_xdp(wd_devices_find(all, d->peer))))
		return true;
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].master == ifindex && has_xdp(&all->v[i]))
			return true;
	return false;
}

bool wd_node_device_shared(struct wd_node *n, uint32_t ifindex)
{
	return rtnl_get(n) == 0 &&
	       (xdp_before(n, ifindex) || wd_rtnl_has_filters(n->rtnl, ifindex));
}

static int netns_fd(const struct wd_node *n, const struct wd_netns *ns)
{
	int dir WD_AUTO_FD = wd_netns_open(&n->netnses, ns), fd;
	char path[PATH_MAX];

	if (dir >= 0) {
		fd = openat(dir, "ns/net", O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	for (size_t i = 0; i < n->netnses.n_mounts; i++) {
		if (n->netnses.mounts[i].ino != ns->ino ||
		    (size_t)snprintf(path, sizeof(path), "%s/run/netns/%s", n->netnses.host_root,
		                     n->netnses.mounts[i].name) >= sizeof(path))
			continue;
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			return fd;
	}
	return -ESRCH;
}

/* The device of ours whose other end is in that namespace. Of several (a pod with several
 * networks) the one to which the route leads, if it does. *ret_pod: it is a pod's, and not a
 * way out of the node that leads there (nodes that are containers of one machine). */
static const struct wd_device *host_side(struct wd_node *n, const struct wd_netns *ns, uint32_t oif,
                                         bool *ret_pod)
{
	int fd WD_AUTO_FD = netns_fd(n, ns);
	const struct wd_device *found = NULL;
	unsigned int count = 0;
	int32_t id;

	*ret_pod = true;
	if (fd < 0 || wd_rtnl_nsid(n->rtnl, fd, &id) < 0)
		return NULL;
	for (size_t i = 0; i < n->devices.n; i++) {
		const struct wd_device *d = &n->devices.v[i];

		if (d->nsid != id)
			continue;
		if (d->kind == WD_DEVICE_OUTWARD) {
			*ret_pod = false;
			return NULL;
		}
		if (!count++ || d->ifindex == oif)
			found = d;
	}
	return count == 1 || (found && found->ifindex == oif) ? found : NULL;
}

static void name_device(const struct wd_device *d, struct wd_path_device *ret)
{
	if (!d)
		return;
	ret->ifindex = d->ifindex;
	memcpy(ret->name, d->name, sizeof(ret->name));
	ret->tunnel = d->tunnel;
}

static void outward(const struct wd_node *n, struct wd_path_fact *ret)
{
	for (size_t i = 0; i < n->devices.n; i++) {
		if (n->devices.v[i].kind != WD_DEVICE_OUTWARD)
			continue;
		if (ret->n_outward == WD_PATH_OUTWARD_MAX) {
			ret->more_outward = true;
			return;
		}
		name_device(&n->devices.v[i], &ret->outward[ret->n_outward++]);
	}
	ret->more_outward = n->devices.cut;
}

int wd_node_path(struct wd_node *n, const struct wd_flow *f, struct wd_path_fact *ret)
{
	struct wd_node_question q = {.flow = f, .process = -1};
	const struct wd_device *client = NULL, *in, *out;
	const struct wd_devices *all;
	struct wd_route_answer route = {0};
	struct wd_tuple t = f->tuple;
	bool known;
	int r;

	memset(ret, 0, sizeof(*ret));
	q.dest = f->has_backend ? f->backend : f->tuple.daddr;
	q.port = f->has_backend ? f->backend_port : f->tuple.dport;
	if (wd_addr_is_loopback(&q.dest))
		return 0;
	r = wd_node_devices(n, &all);
	if (r < 0)
		return r;
	wd_node_refresh(n, false);
	if (wd_node_question_prepare(n, &q)) {
		wd_node_refresh(n, true);
		wd_node_question_prepare(n, &q);
	}
	ret->client_host = q.client && q.client->own;
	if (q.client && !q.client->own) {
		client = host_side(n, q.client, 0, &ret->client_here);
		name_device(client, &ret->client);
	}
	q.backend = wd_node_addr_netns(n, &q.dest, &known);
	/* to itself: no device of ours is on that way */
	if (q.backend && q.backend == q.client)
		return 0;
	ret->known = true;
	outward(n, ret);
	t.daddr = q.dest;
	t.dport = q.port;
	in = client && client->master ? wd_devices_find(all, client->master) : client;
	if ((q.backend && q.backend->own) ||
	    wd_rtnl_route(n->rtnl, &t, in ? in->ifindex : 0, &route) < 0 ||
	    route.kind != WD_ROUTE_UNICAST)
		route.oif = 0;
	if (q.backend && !q.backend->own)
		name_device(host_side(n, q.backend, route.oif, &ret->backend_here), &ret->backend);
	if (ret->backend_here || !route.oif)
		return 0;
	out = wd_devices_find(all, route.oif);
	/* The backend's namespace was not found, or has not the address (a sandbox's own network
	 * stack), but the route leads to a pod, or to a bridge of pods. */
	if (out && out->kind != WD_DEVICE_OUTWARD) {
		ret->backend_here = true;
		if (out->kind == WD_DEVICE_POD)
			name_device(out, &ret->backend);
		return 0;
	}
	name_device(out, &ret->uplink);
	ret->has_via = route.has_via;
	ret->via = route.via;
	return 0;
}
