/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to rtnetlink, and to bpf(2) about who else is at a device. */
#include "node/devices.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/bpf.h>
#include <linux/net_namespace.h>
#include <linux/pkt_cls.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/cleanup.h"

#define ANSWER_MS 100
/* A dump during which devices change is begun anew. */
#define READ_TRIES 4

struct wd_rtnl {
	struct nl_sock *ask, *news; /* news: NULL when it cannot be had */
	uint32_t seq;
	bool told; /* the first word on changes was said */
};

static int from_nl(int r)
{
	switch (-r) {
	case NLE_NOMEM:
		return -ENOMEM;
	case NLE_PERM:
		return -EPERM;
	case NLE_OBJ_NOTFOUND:
		return -ENOENT;
	default:
		return -EIO;
	}
}

static struct nl_sock *open_socket(bool listen)
{
	struct nl_sock *s = nl_socket_alloc();

	if (!s)
		return NULL;
	nl_socket_disable_auto_ack(s);
	if (nl_connect(s, NETLINK_ROUTE) < 0 || nl_socket_set_nonblocking(s) < 0 ||
	    (listen && nl_socket_add_memberships(s, RTNLGRP_LINK, RTNLGRP_IPV4_IFADDR,
	                                         RTNLGRP_IPV6_IFADDR, 0) < 0)) {
		nl_socket_free(s);
		return NULL;
	}
	return s;
}

int wd_rtnl_new(struct wd_rtnl **ret)
{
	struct wd_rtnl *r = calloc(1, sizeof(*r));

	if (!r)
		return -ENOMEM;
	r->ask = open_socket(false);
	if (!r->ask) {
		free(r);
		return -EIO;
	}
	r->news = open_socket(true);
	*ret = r;
	return 0;
}

void wd_rtnl_free(struct wd_rtnl *r)
{
	if (!r)
		return;
	if (r->news)
		nl_socket_free(r->news);
	nl_socket_free(r->ask);
	free(r);
}

/* ---- question and answer --------------------------------------------------------------- */

/* Takes one message of an answer; a negative errno ends it. */
typedef int (*message_fn)(const struct nlmsghdr *h, void *ctx);

static int answers(struct wd_rtnl *r, bool dump, message_fn fn, void *ctx)
{
	struct pollfd p = {.fd = nl_socket_get_fd(r->ask), .events = POLLIN};
	bool interrupted = false; /* it changed meanwhile: something may be missing */

	for (unsigned int round = 0; round < 100000; round++) {
		WD_AUTO_FREE unsigned char *buf = NULL;
		struct sockaddr_nl from;
		struct nlmsghdr *h;
		int n, e;

		if (poll(&p, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		n = nl_recv(r->ask, &from, &buf, NULL);
		if (n < 0)
			return from_nl(n);
		for (h = (struct nlmsghdr *)(void *)buf; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			if (h->nlmsg_seq != r->seq)
				continue;
			interrupted |= h->nlmsg_flags & NLM_F_DUMP_INTR;
			if (h->nlmsg_type == NLMSG_DONE)
				return interrupted ? -EINTR : 0;
			if (h->nlmsg_type == NLMSG_ERROR) {
				if (!nlmsg_valid_hdr(h, sizeof(struct nlmsgerr)))
					return -EINVAL;
				e = ((const struct nlmsgerr *)nlmsg_data(h))->error;
				return e ? e : 0;
			}
			e = fn(h, ctx);
			if (e < 0 || !dump)
				return e;
		}
	}
	return -EIO;
}

static int ask(struct wd_rtnl *r, struct nl_msg *m, bool dump, message_fn fn, void *ctx)
{
	int e = nl_send_auto(r->ask, m);

	nlmsg_free(m);
	return e < 0 ? from_nl(e) : answers(r, dump, fn, ctx);
}

static struct nl_msg *message(struct wd_rtnl *r, int type, int flags, const void *head, size_t n)
{
	struct nl_msg *m = nlmsg_alloc();
	struct nlmsghdr *h;

	if (!m)
		return NULL;
	h = nlmsg_put(m, NL_AUTO_PORT, ++r->seq, type, 0, NLM_F_REQUEST | flags);
	if (h && nlmsg_append(m, (void *)(uintptr_t)head, n, NLMSG_ALIGNTO) == 0)
		return m;
	nlmsg_free(m);
	return NULL;
}

static size_t payload(const struct nlmsghdr *h)
{
	int n = nlmsg_datalen(h);

	return n > 0 ? (size_t)n : 0;
}

/* ---- devices --------------------------------------------------------------------------- */

static int take_link(const struct nlmsghdr *h, void *ctx)
{
	struct wd_devices *d = ctx;
	struct wd_device *grown;

	if (h->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (d->n == WD_DEVICES_MAX) {
		d->cut = true;
		return 0;
	}
	if (d->n == d->alloc) {
		size_t more = d->alloc ? d->alloc * 2 : 32;

		grown = reallocarray(d->v, more, sizeof(*grown));
		if (!grown)
			return -ENOMEM;
		d->v = grown;
		d->alloc = more;
	}
	if (wd_devices_parse(nlmsg_data(h), payload(h), &d->v[d->n]) == 0)
		d->n++;
	return 0;
}

static int take_addr(const struct nlmsghdr *h, void *ctx)
{
	const struct wd_devices *d = ctx;
	struct wd_device *found;
	struct ifaddrmsg a;

	if (h->nlmsg_type != RTM_NEWADDR || payload(h) < sizeof(a))
		return 0;
	memcpy(&a, nlmsg_data(h), sizeof(a));
	if (a.ifa_scope != RT_SCOPE_UNIVERSE ||
	    a.ifa_prefixlen >= (a.ifa_family == AF_INET ? 32 : 128))
		return 0;
	found = (struct wd_device *)(uintptr_t)wd_devices_find(d, a.ifa_index);
	if (found)
		found->subnet = true;
	return 0;
}

static int by_ifindex(const void *a, const void *b)
{
	const struct wd_device *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

static int devices_read(struct wd_rtnl *r, struct wd_devices *d)
{
	struct ifinfomsg link = {.ifi_family = AF_UNSPEC};
	struct ifaddrmsg addr = {.ifa_family = AF_UNSPEC};
	struct nl_msg *m = message(r, RTM_GETLINK, NLM_F_DUMP, &link, sizeof(link));
	int e;

	if (!m)
		return -ENOMEM;
	d->n = 0;
	d->cut = false;
	e = ask(r, m, true, take_link, d);
	if (e < 0)
		return e;
	if (d->n)
		qsort(d->v, d->n, sizeof(d->v[0]), by_ifindex);
	m = message(r, RTM_GETADDR, NLM_F_DUMP, &addr, sizeof(addr));
	if (!m)
		return -ENOMEM;
	e = ask(r, m, true, take_addr, d);
	wd_devices_classify(d);
	return e;
}

int wd_devices_read(struct wd_rtnl *r, struct wd_devices *d)
{
	int e = -EINTR;

	for (unsigned int i = 0; i < READ_TRIES && e == -EINTR; i++)
		e = devices_read(r, d);
	/* half a list would be taken for a whole one */
	if (e < 0)
		d->n = 0;
	return e;
}

bool wd_rtnl_changed(struct wd_rtnl *r)
{
	bool changed = !r->told || !r->news;
	char scratch[4096];
	ssize_t n;

	r->told = true;
	/* what the messages say does not matter: all is read anew (ENOBUFS is news, too) */
	while (r->news) {
		n = recv(nl_socket_get_fd(r->news), scratch, sizeof(scratch),
		         MSG_DONTWAIT | MSG_TRUNC);
		if (n < 0 && errno != ENOBUFS)
			break;
		changed = true;
	}
	return changed;
}

static int take_nsid(const struct nlmsghdr *h, void *ctx)
{
	struct nlattr *a[NETNSA_MAX + 1];
	size_t skip = NLMSG_ALIGN(sizeof(struct rtgenmsg)), n = payload(h);

	if (h->nlmsg_type != RTM_NEWNSID || n < skip)
		return -EINVAL;
	if (nla_parse(a, NETNSA_MAX, (struct nlattr *)(void *)((char *)nlmsg_data(h) + skip),
	              (int)(n - skip), NULL) < 0 ||
	    !a[NETNSA_NSID] || nla_len(a[NETNSA_NSID]) < (int)sizeof(int32_t))
		return -EINVAL;
	*(int32_t *)ctx = (int32_t)nla_get_u32(a[NETNSA_NSID]);
	return 0;
}

int wd_rtnl_nsid(struct wd_rtnl *r, int netns_fd, int32_t *ret)
{
	/* padded by hand: the kernel looks for attributes behind four bytes */
	uint8_t head[NLMSG_ALIGN(sizeof(struct rtgenmsg))] = {AF_UNSPEC};
	struct nl_msg *m = message(r, RTM_GETNSID, 0, head, sizeof(head));
	int32_t id = NETNSA_NSID_NOT_ASSIGNED;
	int e;

	if (!m)
		return -ENOMEM;
	if (nla_put_u32(m, NETNSA_FD, (uint32_t)netns_fd) < 0) {
		nlmsg_free(m);
		return -ENOMEM;
	}
	e = ask(r, m, false, take_nsid, &id);
	if (e < 0)
		return e;
	if (id < 0)
		return -ENOENT;
	*ret = id;
	return 0;
}

/* ---- other programs -------------------------------------------------------------------- */

/* enum bpf_attach_type of 6.6 and 6.7; the headers of the build may be older. */
#define ATTACH_TCX_INGRESS    46
#define ATTACH_TCX_EGRESS     47
#define ATTACH_NETKIT_PRIMARY 54
#define ATTACH_NETKIT_PEER    55

/* Another whydrop lets every packet pass on: it is no stranger. Its programs and filters bear
 * these names (bpf/wire.bpf.c, user/probe/hooks_clsact.c). */
#define OUR_PROGRAMS "wd_wire_"
#define OUR_FILTERS  "whydrop:"
#define TCX_MAX      64

bool wd_rtnl_is_ours(uint32_t prog_id)
{
	struct bpf_prog_info info;
	union bpf_attr a;
	int fd WD_AUTO_FD = -1;

	memset(&a, 0, sizeof(a));
	a.prog_id = prog_id;
	/* wants CAP_SYS_ADMIN: without it, whose it is stays unknown */
	fd = (int)syscall(SYS_bpf, BPF_PROG_GET_FD_BY_ID, &a, sizeof(a));
	if (fd < 0)
		return false;
	memset(&info, 0, sizeof(info));
	memset(&a, 0, sizeof(a));
	a.info.bpf_fd = (uint32_t)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (uint64_t)(uintptr_t)&info;
	return syscall(SYS_bpf, BPF_OBJ_GET_INFO_BY_FD, &a, sizeof(a)) == 0 &&
	       strncmp(info.name, OUR_PROGRAMS, strlen(OUR_PROGRAMS)) == 0;
}

static bool has_tcx(uint32_t ifindex, uint32_t attach_type)
{
	uint32_t ids[TCX_MAX];
	union bpf_attr a;

	memset(&a, 0, sizeof(a));
	a.query.target_fd = ifindex;
	a.query.attach_type = attach_type;
	a.query.prog_ids = (uint64_t)(uintptr_t)ids;
	a.query.prog_cnt = TCX_MAX;
	if (syscall(SYS_bpf, BPF_PROG_QUERY, &a, sizeof(a)) < 0)
		return errno == ENOSPC;
	for (uint32_t i = 0; i < a.query.prog_cnt && i < TCX_MAX; i++)
		if (!wd_rtnl_is_ours(ids[i]))
			return true;
	return false;
}

static int count_filter(const struct nlmsghdr *h, void *ctx)
{
	size_t skip = NLMSG_ALIGN(sizeof(struct tcmsg)), n = payload(h);
	struct nlattr *a[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	struct tcmsg t;
	const char *name = "";

	if (h->nlmsg_type != RTM_NEWTFILTER || n < skip)
		return 0;
	memcpy(&t, nlmsg_data(h), sizeof(t));
	/* each priority is told once without filter, as a heading */
	if (!t.tcm_handle)
		return 0;
	if (nla_parse(a, TCA_MAX, (struct nlattr *)(void *)((char *)nlmsg_data(h) + skip),
	              (int)(n - skip), NULL) == 0 &&
	    a[TCA_OPTIONS] && nla_parse_nested(bpf, TCA_BPF_MAX, a[TCA_OPTIONS], NULL) == 0 &&
	    bpf[TCA_BPF_NAME] && nla_len(bpf[TCA_BPF_NAME]) > (int)strlen(OUR_FILTERS))
		name = nla_data(bpf[TCA_BPF_NAME]);
	*(unsigned int *)ctx += strncmp(name, OUR_FILTERS, strlen(OUR_FILTERS)) != 0;
	return 0;
}

bool wd_rtnl_has_filters(struct wd_rtnl *r, uint32_t ifindex)
{
	static const uint32_t parents[] = {TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS),
	                                   TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS)};
	static const uint32_t types[] = {ATTACH_TCX_INGRESS, ATTACH_TCX_EGRESS,
	                                 ATTACH_NETKIT_PRIMARY, ATTACH_NETKIT_PEER};
	unsigned int n = 0;

	for (unsigned int i = 0; i < 2; i++) {
		struct tcmsg t = {.tcm_ifindex = (int)ifindex, .tcm_parent = parents[i]};
		struct nl_msg *m = message(r, RTM_GETTFILTER, NLM_F_DUMP, &t, sizeof(t));

		/* no such qdisc: no filters */
		if (m)
			(void)ask(r, m, true, count_filter, &n);
	}
	/* those of both ends of a netkit pair are told by the end that is in our namespace */
	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (has_tcx(ifindex, types[i]))
			return true;
	return n;
}

/* ---- routes ---------------------------------------------------------------------------- */

static int take_route(const struct nlmsghdr *h, void *ctx)
{
	if (h->nlmsg_type != RTM_NEWROUTE)
		return -EINVAL;
	return wd_route_parse(nlmsg_data(h), payload(h), ctx);
}

static int put_addr(struct nl_msg *m, int type, const struct wd_addr *a, bool v4)
{
	return v4 ? nla_put_u32(m, type, wd_addr_v4(a)) : nla_put(m, type, 16, a->b);
}

static int route_ask(struct wd_rtnl *r, const struct wd_tuple *t, bool with_source, uint32_t iif,
                     struct wd_route_answer *ret)
{
	bool v4 = wd_addr_is_v4(&t->daddr);
	struct rtmsg h = {.rtm_family = v4 ? AF_INET : AF_INET6,
	                  .rtm_dst_len = v4 ? 32 : 128,
	                  .rtm_src_len = !with_source ? 0
	                                 : v4         ? 32
	                                              : 128};
	struct nl_msg *m = message(r, RTM_GETROUTE, 0, &h, sizeof(h));
	int e = m ? put_addr(m, RTA_DST, &t->daddr, v4) : -ENOMEM;

	if (!e && with_source)
		e = put_addr(m, RTA_SRC, &t->saddr, v4);
	if (!e && iif)
		e = nla_put_u32(m, RTA_IIF, iif);
	/* for the choice among several next hops */
	if (!e && (t->proto == WD_PROTO_TCP || t->proto == WD_PROTO_UDP) && t->sport && t->dport)
		e = nla_put_u8(m, RTA_IP_PROTO, t->proto) ||
		                    nla_put_u16(m, RTA_SPORT, htons(t->sport)) ||
		                    nla_put_u16(m, RTA_DPORT, htons(t->dport))
		            ? -ENOMEM
		            : 0;
	if (e) {
		if (m)
			nlmsg_free(m);
		return -ENOMEM;
	}
	return ask(r, m, false, take_route, ret);
}

int wd_rtnl_route(struct wd_rtnl *r, const struct wd_tuple *t, uint32_t iif,
                  struct wd_route_answer *ret)
{
	bool source = !wd_addr_is_any(&t->saddr);
	int e = route_ask(r, t, source, iif, ret);

	/* reverse path filtering refuses the question, too; and a source that is not ours */
	if (e < 0 && e != -ENETUNREACH && e != -ENOMEM && source)
		e = route_ask(r, t, false, 0, ret);
	return e;
}
