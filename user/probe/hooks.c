/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <net/if.h>

#include "probe/hooks_clsact.h"
#include "probe/hooks_device.h"
#include "probe/hooks_link.h"
#include "probe/hooks_netlink.h"
#include "probe/hooks_wire.h"

#define DEVICES_MAX 1024

static const char *const ways[] = {"tcx", "clsact", "xdp"};
_Static_assert(sizeof(ways) / sizeof(ways[0]) == WD_HOOK_WAY_MAX, "ways");

struct device {
	uint32_t ifindex;
	int in, out, xdp; /* links; -1 none */
	bool clsact;
};

struct wd_hooks {
	struct wd_hooks_options options;
	struct wd_wires *wires;
	struct wd_netlink netlink;
	struct wd_clsact *clsact;
	bool no_tcx; /* this kernel has none */
	struct device *devices;
	size_t n, room;
};

const char *wd_hook_way_name(enum wd_hook_way w)
{
	return w < WD_HOOK_WAY_MAX ? ways[w] : "none";
}

int wd_hooks_new(struct wd_probe *p, const struct wd_hooks_options *o, struct wd_hooks **ret)
{
	struct wd_hooks *h = calloc(1, sizeof(*h));
	int r;

	if (!h)
		return -ENOMEM;
	h->options = *o;
	r = wd_netlink_open(&h->netlink);
	if (r == 0)
		r = wd_wires_new(p, o->snap, &h->wires);
	if (r == 0)
		r = wd_clsact_new(&h->netlink, &h->clsact);
	if (r < 0) {
		wd_hooks_free(h);
		return r;
	}
	wd_clsact_sweep(h->clsact);
	*ret = h;
	return 0;
}

/* ---- devices ------------------------------------------------------------------------- */

static void close_link(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static void release(struct wd_hooks *h, struct device *d)
{
	close_link(&d->in);
	close_link(&d->out);
	close_link(&d->xdp);
	if (d->clsact)
		wd_clsact_detach(h->clsact, d->ifindex);
	d->clsact = false;
}

void wd_hooks_free(struct wd_hooks *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->n; i++)
		release(h, &h->devices[i]);
	free(h->devices);
	wd_clsact_free(h->clsact);
	wd_wires_free(h->wires);
	wd_netlink_close(&h->netlink);
	free(h);
}

static struct device *find(const struct wd_hooks *h, uint32_t ifindex)
{
	for (size_t i = 0; i < h->n; i++)
		if (h->devices[i].ifindex == ifindex)
			return &h->devices[i];
	return NULL;
}

static struct device *find_or_add(struct wd_hooks *h, uint32_t ifindex)
{
	struct device *d = find(h, ifindex);

	if (d || h->n == DEVICES_MAX)
		return d;
	if (h->n == h->room) {
		size_t room = h->room ? h->room * 2 : 16;

		d = realloc(h->devices, room * sizeof(*d));
		if (!d)
			return NULL;
		h->devices = d;
		h->room = room;
	}
	d = &h->devices[h->n++];
	*d = (struct device){.ifindex = ifindex, .in = -1, .out = -1, .xdp = -1};
	return d;
}

static bool watched(const struct device *d)
{
	return d->clsact || d->in >= 0 || d->xdp >= 0;
}

static void forget(struct wd_hooks *h, struct device *d)
{
	release(h, d);
	*d = h->devices[--h->n];
}

/* A device that went away takes its hooks with it, and another may come in its number. */
static void drop_dead(struct wd_hooks *h, struct device *d)
{
	if ((d->in >= 0 && !wd_link_alive(d->in, d->ifindex)) ||
	    (d->out >= 0 && !wd_link_alive(d->out, d->ifindex))) {
		close_link(&d->in);
		close_link(&d->out);
	}
	if (d->xdp >= 0 && !wd_link_alive(d->xdp, d->ifindex))
		close_link(&d->xdp);
	if (d->clsact && wd_clsact_attached(h->clsact, d->ifindex) == 0) {
		wd_clsact_detach(h->clsact, d->ifindex);
		d->clsact = false;
	}
}

/* ---- attach -------------------------------------------------------------------------- */

static int say(char err[WD_PROBE_ERRLEN], int r, const char *what, const char *why)
{
	snprintf(err, WD_PROBE_ERRLEN, "%s: %s%s%s%s", what, strerror(-r), why[0] ? ": " : "", why,
	         r == -EPERM ? " (wants CAP_NET_ADMIN)" : "");
	return r;
}

static bool allowed(const struct wd_hooks *h, enum wd_hook_way way)
{
	return !h->options.forced || h->options.way == way;
}

static int attach_tcx(struct wd_hooks *h, struct device *d, enum wd_wire_copy copy,
                      char err[WD_PROBE_ERRLEN])
{
	int in, out;

	in = wd_link_tcx(wd_wires_in(h->wires, copy), d->ifindex, false);
	if (in < 0)
		return say(err, in, "attach by tcx", "");
	out = wd_link_tcx(wd_wires_out(h->wires, copy), d->ifindex, true);
	if (out < 0) {
		close(in);
		return say(err, out, "attach by tcx", "");
	}
	d->in = in;
	d->out = out;
	return 0;
}

static int attach_clsact(struct wd_hooks *h, struct device *d, enum wd_wire_copy copy,
                         char err[WD_PROBE_ERRLEN])
{
	char why[WD_NETLINK_SAYLEN] = "";
	int r = wd_clsact_attach(h->clsact, d->ifindex, wd_wires_in(h->wires, copy),
	                         wd_wires_out(h->wires, copy), why, sizeof(why));

	if (r < 0)
		return say(err, r, "attach by clsact", why);
	d->clsact = true;
	return 0;
}

static int copy_for(struct wd_hooks *h, uint32_t ifindex, enum wd_wire_copy *ret,
                    char err[WD_PROBE_ERRLEN])
{
	enum wd_framing framing;
	int r = wd_device_framing(&h->netlink, ifindex, &framing);

	if (r < 0)
		return say(err, r, "find the device", h->netlink.said);
	if (framing == WD_FRAMING_OTHER)
		return say(err, -EOPNOTSUPP, "a device whose frames are not understood", "");
	*ret = framing == WD_FRAMING_BARE ? WD_WIRE_BARE : WD_WIRE_ETHERNET;
	return wd_wires_load(h->wires, *ret, err);
}

static int attach_tc(struct wd_hooks *h, struct device *d, char err[WD_PROBE_ERRLEN])
{
	enum wd_wire_copy copy;
	int r;

	if (d->in >= 0 || d->clsact)
		return 0;
	r = copy_for(h, d->ifindex, &copy, err);
	if (r < 0)
		return r;
	if (allowed(h, WD_HOOK_TCX) && !h->no_tcx) {
		r = attach_tcx(h, d, copy, err);
		if (r != -EINVAL && r != -EOPNOTSUPP)
			return r;
		h->no_tcx = true;
	}
	if (allowed(h, WD_HOOK_CLSACT))
		return attach_clsact(h, d, copy, err);
	return say(err, -EOPNOTSUPP, "attach by tcx", "this kernel has no tcx");
}

static int attach_xdp(struct wd_hooks *h, struct device *d, char err[WD_PROBE_ERRLEN])
{
	char why[256] = "";
	enum wd_wire_copy copy;
	int r;

	if (d->xdp >= 0)
		return 0;
	r = copy_for(h, d->ifindex, &copy, err);
	if (r == 0 && copy != WD_WIRE_ETHERNET)
		return say(err, -EOPNOTSUPP, "attach by XDP", "not an Ethernet device");
	if (r == 0)
		r = wd_wires_load(h->wires, WD_WIRE_XDP, err);
	if (r < 0)
		return r;
	r = wd_link_xdp(&h->netlink, wd_wires_xdp(h->wires), d->ifindex, why, sizeof(why));
	if (r < 0)
		return say(err, r, "attach by XDP", why);
	d->xdp = r;
	return 0;
}

int wd_hooks_attach(struct wd_hooks *h, uint32_t ifindex, bool xdp, enum wd_hook_way *ret_way,
                    char err[WD_PROBE_ERRLEN])
{
	bool xdp_only = h->options.forced && h->options.way == WD_HOOK_XDP;
	struct device *d = find_or_add(h, ifindex);
	int r = 0;

	err[0] = '\0';
	if (!d)
		return say(err, -ENOSPC, "watch a device", "too many");
	drop_dead(h, d);
	if (!xdp_only)
		r = attach_tc(h, d, err);
	if (r == 0 && (xdp || xdp_only) && allowed(h, WD_HOOK_XDP)) {
		err[0] = '\0';
		r = attach_xdp(h, d, err);
		if (!xdp_only)
			r = 0;
	}
	if (r == 0 && ret_way)
		*ret_way = xdp_only ? WD_HOOK_XDP : d->clsact ? WD_HOOK_CLSACT : WD_HOOK_TCX;
	if (!watched(d))
		forget(h, d);
	return r;
}

void wd_hooks_detach(struct wd_hooks *h, uint32_t ifindex)
{
	struct device *d = find(h, ifindex);

	if (d)
		forget(h, d);
}

bool wd_hooks_alive(struct wd_hooks *h, uint32_t ifindex)
{
	struct device *d = find(h, ifindex);

	if (!d)
		return false;
	drop_dead(h, d);
	if (watched(d))
		return true;
	forget(h, d);
	return false;
}

bool wd_hooks_attached_xdp(const struct wd_hooks *h, uint32_t ifindex)
{
	const struct device *d = find(h, ifindex);

	return d && d->xdp >= 0;
}

int wd_hooks_trial(struct wd_hooks *h, uint32_t ifindex, enum wd_hook_way way,
                   char err[WD_PROBE_ERRLEN])
{
	struct device d = {.ifindex = ifindex, .in = -1, .out = -1, .xdp = -1};
	const struct device *attached;
	enum wd_wire_copy copy;
	int r;

	err[0] = '\0';
	attached = find(h, ifindex);
	if (attached && ((way == WD_HOOK_TCX && attached->in >= 0) ||
	                 (way == WD_HOOK_CLSACT && attached->clsact) ||
	                 (way == WD_HOOK_XDP && attached->xdp >= 0)))
		return 0;
	r = copy_for(h, ifindex, &copy, err);
	if (r < 0)
		return r;
	if (way == WD_HOOK_TCX)
		r = attach_tcx(h, &d, copy, err);
	else if (way == WD_HOOK_CLSACT)
		r = attach_clsact(h, &d, copy, err);
	else
		r = attach_xdp(h, &d, err);
	release(h, &d);
	return r;
}

/* ---- while attached --------------------------------------------------------------------- */

int wd_hooks_watch(struct wd_hooks *h, const struct wd_tuple *t)
{
	struct wd_abi_tuple a = {.sport = t->sport, .dport = t->dport, .proto = t->proto}, back = a;
	int r;

	memcpy(a.saddr, t->saddr.b, 16);
	memcpy(a.daddr, t->daddr.b, 16);
	memcpy(back.saddr, t->daddr.b, 16);
	memcpy(back.daddr, t->saddr.b, 16);
	back.sport = t->dport;
	back.dport = t->sport;
	r = wd_wires_watch(h->wires, &a);
	return r < 0 ? r : wd_wires_watch(h->wires, &back);
}

void wd_hooks_heartbeat(struct wd_hooks *h, uint64_t now_ns)
{
	wd_wires_heartbeat(h->wires, now_ns);
	/* backwards: forgetting one puts the last in its place */
	for (size_t i = h->n; i-- > 0;) {
		char name[IF_NAMESIZE];

		if (!if_indextoname(h->devices[i].ifindex, name))
			forget(h, &h->devices[i]);
	}
}

struct wd_hooks_counts wd_hooks_counts(const struct wd_hooks *h)
{
	struct wd_wire_count c = wd_wires_count(h->wires);

	return (struct wd_hooks_counts){c.seen, c.delivered, c.lost};
}
