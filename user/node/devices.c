/* SPDX-License-Identifier: Apache-2.0 */
#include "node/devices.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>

/* ---- one device ------------------------------------------------------------------------ */

static void copy_text(const struct nlattr *a, char ret[16])
{
	size_t n = a ? (size_t)nla_len(a) : 0;

	memset(ret, 0, 16);
	if (n)
		memcpy(ret, nla_data(a), n < 15 ? n : 15);
}

static uint32_t get_u32(const struct nlattr *a)
{
	return a && nla_len(a) >= (int)sizeof(uint32_t) ? nla_get_u32(a) : 0;
}

/* rtnl_link_ops.kind of drivers/net and net/ipv4, net/ipv6, net/xfrm. */
static bool is_tunnel(const char *type)
{
	static const char *const all[] = {
		"vxlan",     "geneve",  "gre",    "gretap",    "ip6gre", "ip6gretap", "erspan",
		"ipip",      "sit",     "ip6tnl", "vti",       "vti6",   "xfrm",      "tun",
		"wireguard", "bareudp", "gtp",    "ip6erspan", "ppp",    "openvpn",   "ovpn"};

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (strcmp(type, all[i]) == 0)
			return true;
	return false;
}

int wd_devices_parse(const void *payload, size_t n, struct wd_device *ret)
{
	struct nlattr *a[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1], *xdp[IFLA_XDP_MAX + 1];
	struct ifinfomsg h;
	struct wd_device d;

	memset(&d, 0, sizeof(d));
	if (n < sizeof(h) || n > INT32_MAX)
		return -EINVAL;
	memcpy(&h, payload, sizeof(h));
	if (nla_parse(a, IFLA_MAX,
	              (struct nlattr *)(uintptr_t)((const char *)payload + NLMSG_ALIGN(sizeof(h))),
	              (int)n - (int)NLMSG_ALIGN(sizeof(h)), NULL) < 0 ||
	    h.ifi_index <= 0)
		return -EINVAL;
	d.ifindex = (uint32_t)h.ifi_index;
	d.up = h.ifi_flags & IFF_UP;
	copy_text(a[IFLA_IFNAME], d.name);
	if (h.ifi_flags & IFF_LOOPBACK || h.ifi_type == ARPHRD_LOOPBACK)
		memcpy(d.type, "loopback", sizeof("loopback"));
	d.master = get_u32(a[IFLA_MASTER]);
	d.peer = get_u32(a[IFLA_LINK]);
	d.nsid = -1;
	if (a[IFLA_LINK_NETNSID] && nla_len(a[IFLA_LINK_NETNSID]) >= (int)sizeof(d.nsid))
		d.nsid = (int32_t)nla_get_u32(a[IFLA_LINK_NETNSID]);
	if (a[IFLA_LINKINFO] &&
	    nla_parse_nested(info, IFLA_INFO_MAX, a[IFLA_LINKINFO], NULL) == 0 &&
	    info[IFLA_INFO_KIND])
		copy_text(info[IFLA_INFO_KIND], d.type);
	if (a[IFLA_XDP] && nla_parse_nested(xdp, IFLA_XDP_MAX, a[IFLA_XDP], NULL) == 0 &&
	    xdp[IFLA_XDP_ATTACHED] && nla_len(xdp[IFLA_XDP_ATTACHED]) >= 1)
		d.xdp = nla_get_u8(xdp[IFLA_XDP_ATTACHED]) != XDP_ATTACHED_NONE;
	if (d.xdp)
		d.xdp_id = get_u32(xdp[IFLA_XDP_PROG_ID]);
	d.tunnel = is_tunnel(d.type);
	*ret = d;
	return 0;
}

/* ---- what it is good for --------------------------------------------------------------- */

static bool is_type(const struct wd_device *d, const char *type)
{
	return strcmp(d->type, type) == 0;
}

/* The kinds of device that have their other end in a pod. */
static bool is_pair(const struct wd_device *d)
{
	return is_type(d, "veth") || is_type(d, "netkit");
}

/* A bridge leads out of the node if something else than pods is plugged into it. */
static bool bridge_leads_out(const struct wd_devices *all, const struct wd_device *bridge)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct wd_device *d = &all->v[i];

		if (d->master == bridge->ifindex && d->up && !is_pair(d) && !is_type(d, "dummy") &&
		    !is_type(d, "tun"))
			return true;
	}
	return false;
}

static enum wd_device_kind kind_of(const struct wd_devices *all, const struct wd_device *d)
{
	if (is_type(d, "loopback") || is_type(d, "dummy") || is_type(d, "ifb") ||
	    is_type(d, "nlmon") || is_type(d, "vcan"))
		return WD_DEVICE_INSIDE;
	/* The node may itself be a container: then its uplink is a veth, too. It has an address
	 * with a network around it; a pod's host side has none, or (ptp) a single one. */
	if (is_pair(d)) {
		if (!d->master && d->subnet)
			return WD_DEVICE_OUTWARD;
		return d->nsid >= 0 ? WD_DEVICE_POD : WD_DEVICE_INSIDE;
	}
	/* Part of a bridge or bond: what it receives is seen on that. */
	if (d->master)
		return WD_DEVICE_INSIDE;
	if (is_type(d, "bridge"))
		return bridge_leads_out(all, d) ? WD_DEVICE_OUTWARD : WD_DEVICE_INSIDE;
	return WD_DEVICE_OUTWARD;
}

void wd_devices_classify(struct wd_devices *d)
{
	for (size_t i = 0; i < d->n; i++)
		d->v[i].kind = d->v[i].up ? kind_of(d, &d->v[i]) : WD_DEVICE_INSIDE;
}

const struct wd_device *wd_devices_find(const struct wd_devices *d, uint32_t ifindex)
{
	size_t lo = 0, hi = d->n;

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (d->v[mid].ifindex == ifindex)
			return &d->v[mid];
		if (d->v[mid].ifindex < ifindex)
			lo = mid + 1;
		else
			hi = mid;
	}
	return NULL;
}

void wd_devices_release(struct wd_devices *d)
{
	free(d->v);
	memset(d, 0, sizeof(*d));
}

/* ---- routes ---------------------------------------------------------------------------- */

static bool get_addr(const struct nlattr *a, int family, struct wd_addr *ret)
{
	if (!a || nla_len(a) < (family == AF_INET ? 4 : 16))
		return false;
	if (family == AF_INET)
		*ret = wd_addr_from_v4(nla_get_u32(a));
	else
		memcpy(ret->b, nla_data(a), 16);
	return true;
}

int wd_route_parse(const void *payload, size_t n, struct wd_route_answer *ret)
{
	struct nlattr *a[RTA_MAX + 1];
	struct wd_route_answer r;
	struct rtmsg h;

	memset(&r, 0, sizeof(r));
	if (n < sizeof(h) || n > INT32_MAX)
		return -EINVAL;
	memcpy(&h, payload, sizeof(h));
	if (nla_parse(a, RTA_MAX,
	              (struct nlattr *)(uintptr_t)((const char *)payload + NLMSG_ALIGN(sizeof(h))),
	              (int)n - (int)NLMSG_ALIGN(sizeof(h)), NULL) < 0)
		return -EINVAL;
	switch (h.rtm_type) {
	case RTN_UNICAST:
		r.kind = WD_ROUTE_UNICAST;
		break;
	case RTN_LOCAL:
		r.kind = WD_ROUTE_LOCAL;
		break;
	case RTN_BLACKHOLE:
	case RTN_UNREACHABLE:
	case RTN_PROHIBIT:
		r.kind = WD_ROUTE_REJECT;
		break;
	default:
		r.kind = WD_ROUTE_UNKNOWN;
		break;
	}
	r.oif = get_u32(a[RTA_OIF]);
	r.has_via = get_addr(a[RTA_GATEWAY], h.rtm_family, &r.via);
	if (!r.has_via && a[RTA_VIA] && nla_len(a[RTA_VIA]) >= 18) {
		/* an IPv4 route by an IPv6 gateway: struct rtvia is a family and an address */
		memcpy(r.via.b, (const char *)nla_data(a[RTA_VIA]) + 2, 16);
		r.has_via = true;
	}
	*ret = r;
	return 0;
}
