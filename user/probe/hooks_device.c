/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks_device.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/ethtool.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/cleanup.h"

/* Devices below one another: VLAN on bond on VF is 3. */
#define DEPTH_MAX    8
#define BELOW_MAX    64
#define FEATURES_MAX 256

#define IP6GRE 823 /* ARPHRD_IP6GRE of linux/if_arp.h; glibc's header ends before it */

static int framing_of(unsigned short type)
{
	switch (type) {
	case ARPHRD_ETHER:
	case ARPHRD_LOOPBACK:
		return WD_FRAMING_ETHERNET;
	case ARPHRD_NONE: /* tun, WireGuard, xfrm */
	case ARPHRD_TUNNEL:
	case ARPHRD_TUNNEL6:
	case ARPHRD_SIT:
	case ARPHRD_IPGRE:
	case IP6GRE:
	case ARPHRD_RAWIP:
		return WD_FRAMING_BARE;
	}
	return WD_FRAMING_OTHER;
}

static void on_link(struct nlmsghdr *h, void *ctx)
{
	const struct ifinfomsg *i = nlmsg_data(h);

	if (h->nlmsg_type == RTM_NEWLINK && nlmsg_datalen(h) >= (int)sizeof(*i))
		*(int *)ctx = framing_of(i->ifi_type);
}

int wd_device_framing(struct wd_netlink *n, uint32_t ifindex, enum wd_framing *ret)
{
	struct ifinfomsg i = {.ifi_index = (int)ifindex};
	int framing = -1, r;

	r = wd_netlink_ask(n, wd_netlink_request(RTM_GETLINK, NLM_F_ACK, &i, sizeof(i)), on_link,
	                   &framing);
	if (r < 0)
		return r;
	if (framing < 0)
		return -ENODEV;
	*ret = (enum wd_framing)framing;
	return 0;
}

/* ---- features (ethtool) ------------------------------------------------------------- */

static int ethtool(int fd, struct ifreq *ifr, void *command)
{
	ifr->ifr_data = command;
	return ioctl(fd, SIOCETHTOOL, ifr) < 0 ? -errno : 0;
}

static int feature_count(int fd, struct ifreq *ifr, uint32_t *ret)
{
	struct {
		struct ethtool_sset_info info;
		uint32_t n;
	} q = {.info = {.cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ull << ETH_SS_FEATURES}};
	int r = ethtool(fd, ifr, &q);

	if (r == 0)
		memcpy(ret, q.info.data, sizeof(*ret));
	return r;
}

/* In use, or asked for and then in use as soon as the device can. */
static bool is_on(const struct ethtool_gfeatures *f, uint32_t bit)
{
	const struct ethtool_get_features_block *b = &f->features[bit / 32];

	return (b->active | b->requested) & (1u << bit % 32) &&
	       !(b->never_changed & (1u << bit % 32));
}

/* Names of the kernel: net/ethtool/common.c, netdev_features_strings. */
static bool changed_by_xdp(const char *name)
{
	return strcmp(name, "rx-lro") == 0 || strcmp(name, "rx-gro-hw") == 0;
}

static int features_harmless(int fd, uint32_t ifindex, char *why, size_t size)
{
	WD_AUTO_FREE struct ethtool_gstrings *names = NULL;
	WD_AUTO_FREE struct ethtool_gfeatures *f = NULL;
	struct ifreq ifr = {0};
	uint32_t n = 0;
	int r;

	if (!if_indextoname(ifindex, ifr.ifr_name))
		return -ENODEV;
	r = feature_count(fd, &ifr, &n);
	if (r < 0)
		return r;
	if (n > FEATURES_MAX)
		return -E2BIG;
	names = calloc(1, sizeof(*names) + (size_t)n * ETH_GSTRING_LEN);
	f = calloc(1, sizeof(*f) + (n + 31) / 32 * sizeof(f->features[0]));
	if (!names || !f)
		return -ENOMEM;
	*names = (struct ethtool_gstrings){ETHTOOL_GSTRINGS, ETH_SS_FEATURES, n};
	*f = (struct ethtool_gfeatures){ETHTOOL_GFEATURES, (n + 31) / 32};
	r = ethtool(fd, &ifr, names);
	if (r == 0)
		r = ethtool(fd, &ifr, f);
	for (uint32_t i = 0; r == 0 && i < n && i < names->len && i / 32 < f->size; i++) {
		char name[ETH_GSTRING_LEN + 1] = "";

		memcpy(name, names->data + (size_t)i * ETH_GSTRING_LEN, ETH_GSTRING_LEN);
		if (changed_by_xdp(name) && is_on(f, i)) {
			snprintf(why, size, "%s is on at %s, and generic XDP would switch it off",
			         name, ifr.ifr_name);
			return -EBUSY;
		}
	}
	return r;
}

/* ---- what is below ------------------------------------------------------------------ */

/* dev_disable_lro() goes down through bonds, VLANs and the like (net/core/dev.c). */
struct below {
	uint32_t of[BELOW_MAX];
	unsigned int n, depth_end;
	bool full;
};

static void add(struct below *b, uint32_t ifindex)
{
	for (unsigned int i = 0; i < b->n; i++)
		if (b->of[i] == ifindex)
			return;
	if (b->n == BELOW_MAX)
		b->full = true;
	else
		b->of[b->n++] = ifindex;
}

static bool holds(const struct below *b, uint32_t ifindex)
{
	for (unsigned int i = 0; i < b->depth_end; i++)
		if (b->of[i] == ifindex)
			return true;
	return false;
}

/* A port of one of them (IFLA_MASTER), or what one stands on (IFLA_LINK; that of a veth is
 * its peer, which does no harm to ask). */
static void on_any_link(struct nlmsghdr *h, void *ctx)
{
	const struct ifinfomsg *i = nlmsg_data(h);
	const struct nlattr *a;
	struct below *b = ctx;

	if (h->nlmsg_type != RTM_NEWLINK || nlmsg_datalen(h) < (int)sizeof(*i))
		return;
	a = nlmsg_find_attr(h, sizeof(*i), IFLA_MASTER);
	if (a && nla_len(a) >= 4 && holds(b, nla_get_u32(a)))
		add(b, (uint32_t)i->ifi_index);
	a = nlmsg_find_attr(h, sizeof(*i), IFLA_LINK);
	if (a && nla_len(a) >= 4 && nla_get_u32(a) && holds(b, (uint32_t)i->ifi_index) &&
	    !nlmsg_find_attr(h, sizeof(*i), IFLA_LINK_NETNSID))
		add(b, nla_get_u32(a));
}

static int find_below(struct wd_netlink *n, struct below *b)
{
	struct ifinfomsg all = {0};
	int r = 0;

	for (unsigned int depth = 0; depth < DEPTH_MAX && b->depth_end < b->n; depth++) {
		b->depth_end = b->n;
		r = wd_netlink_ask(n,
		                   wd_netlink_request(RTM_GETLINK, NLM_F_DUMP, &all, sizeof(all)),
		                   on_any_link, b);
		if (r < 0)
			return r;
	}
	return b->full || b->depth_end < b->n ? -E2BIG : 0;
}

int wd_device_xdp_harmless(struct wd_netlink *n, uint32_t ifindex, char *why, size_t size)
{
	WD_AUTO_FD int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct below b = {.of = {ifindex}, .n = 1};
	int r;

	if (fd < 0)
		return -errno;
	r = find_below(n, &b);
	for (unsigned int i = 0; r == 0 && i < b.n; i++)
		r = features_harmless(fd, b.of[i], why, size);
	return r;
}
