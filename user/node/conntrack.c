/* SPDX-License-Identifier: Apache-2.0 */
#include "node/conntrack.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include "base/cleanup.h"
#include "node/lines.h"

#define ANSWER_MS 50

struct wd_conntrack {
	struct nl_sock *sock;
	uint32_t seq;
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

int wd_conntrack_new(struct wd_conntrack **ret)
{
	struct wd_conntrack *c = calloc(1, sizeof(*c));
	int r;

	if (!c)
		return -ENOMEM;
	c->sock = nl_socket_alloc();
	if (!c->sock) {
		free(c);
		return -ENOMEM;
	}
	nl_socket_disable_auto_ack(c->sock);
	r = nl_connect(c->sock, NETLINK_NETFILTER);
	if (r == 0)
		r = nl_socket_set_nonblocking(c->sock);
	if (r < 0) {
		wd_conntrack_free(c);
		return from_nl(r);
	}
	*ret = c;
	return 0;
}

void wd_conntrack_free(struct wd_conntrack *c)
{
	if (!c)
		return;
	nl_socket_free(c->sock);
	free(c);
}

/* ---- question ---------------------------------------------------------------------- */

static int put_tuple(struct nl_msg *m, const struct wd_tuple *t, bool v4)
{
	struct nlattr *tuple, *part;
	uint32_t s4 = wd_addr_v4(&t->saddr), d4 = wd_addr_v4(&t->daddr);

	tuple = nla_nest_start(m, CTA_TUPLE_ORIG | NLA_F_NESTED);
	part = tuple ? nla_nest_start(m, CTA_TUPLE_IP | NLA_F_NESTED) : NULL;
	if (!part)
		return -ENOMEM;
	if (v4 && (nla_put_u32(m, CTA_IP_V4_SRC, s4) || nla_put_u32(m, CTA_IP_V4_DST, d4)))
		return -ENOMEM;
	if (!v4 && (nla_put(m, CTA_IP_V6_SRC, 16, t->saddr.b) ||
	            nla_put(m, CTA_IP_V6_DST, 16, t->daddr.b)))
		return -ENOMEM;
	nla_nest_end(m, part);
	part = nla_nest_start(m, CTA_TUPLE_PROTO | NLA_F_NESTED);
	if (!part || nla_put_u8(m, CTA_PROTO_NUM, t->proto) ||
	    nla_put_u16(m, CTA_PROTO_SRC_PORT, htons(t->sport)) ||
	    nla_put_u16(m, CTA_PROTO_DST_PORT, htons(t->dport)))
		return -ENOMEM;
	nla_nest_end(m, part);
	nla_nest_end(m, tuple);
	return 0;
}

static int ask(struct wd_conntrack *c, const struct wd_tuple *t)
{
	struct nfgenmsg h = {.version = NFNETLINK_V0};
	bool v4 = wd_addr_is_v4(&t->daddr);
	struct nl_msg *m = nlmsg_alloc();
	struct nlmsghdr *n;
	int r = -ENOMEM;

	if (!m)
		return r;
	h.nfgen_family = v4 ? AF_INET : AF_INET6;
	n = nlmsg_put(m, NL_AUTO_PORT, ++c->seq, NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_GET, 0,
	              NLM_F_REQUEST);
	if (n && nlmsg_append(m, &h, sizeof(h), NLMSG_ALIGNTO) == 0)
		r = put_tuple(m, t, v4);
	if (r == 0) {
		r = nl_send_auto(c->sock, m);
		r = r < 0 ? from_nl(r) : 0;
	}
	nlmsg_free(m);
	return r;
}

/* ---- answer ------------------------------------------------------------------------ */

/* The kernel's policy for CTA_TUPLE_IP and CTA_TUPLE_PROTO, from the reader's side. */
static struct nla_policy ip_policy[CTA_IP_MAX + 1] = {
	[CTA_IP_V4_SRC] = {.type = NLA_U32},
	[CTA_IP_V4_DST] = {.type = NLA_U32},
	[CTA_IP_V6_SRC] = {.minlen = 16},
	[CTA_IP_V6_DST] = {.minlen = 16},
};
static struct nla_policy proto_policy[CTA_PROTO_MAX + 1] = {
	[CTA_PROTO_NUM] = {.type = NLA_U8},
	[CTA_PROTO_SRC_PORT] = {.type = NLA_U16},
	[CTA_PROTO_DST_PORT] = {.type = NLA_U16},
};

static int read_ip(struct nlattr *nest, int family, struct wd_tuple *t)
{
	struct nlattr *a[CTA_IP_MAX + 1];

	if (nla_parse_nested(a, CTA_IP_MAX, nest, ip_policy) < 0)
		return -EINVAL;
	if (family == AF_INET) {
		if (!a[CTA_IP_V4_SRC] || !a[CTA_IP_V4_DST])
			return -EINVAL;
		t->saddr = wd_addr_from_v4(nla_get_u32(a[CTA_IP_V4_SRC]));
		t->daddr = wd_addr_from_v4(nla_get_u32(a[CTA_IP_V4_DST]));
		return 0;
	}
	if (!a[CTA_IP_V6_SRC] || !a[CTA_IP_V6_DST])
		return -EINVAL;
	memcpy(t->saddr.b, nla_data(a[CTA_IP_V6_SRC]), 16);
	memcpy(t->daddr.b, nla_data(a[CTA_IP_V6_DST]), 16);
	return 0;
}

int wd_conntrack_parse(const void *attrs, size_t n, int family, struct wd_tuple *ret)
{
	struct nlattr *top[CTA_MAX + 1], *tuple[CTA_TUPLE_MAX + 1], *proto[CTA_PROTO_MAX + 1];
	struct wd_tuple t;

	memset(&t, 0, sizeof(t));
	if (n > INT32_MAX ||
	    nla_parse(top, CTA_MAX, (struct nlattr *)(uintptr_t)attrs, (int)n, NULL) < 0 ||
	    !top[CTA_TUPLE_REPLY] ||
	    nla_parse_nested(tuple, CTA_TUPLE_MAX, top[CTA_TUPLE_REPLY], NULL) < 0 ||
	    !tuple[CTA_TUPLE_IP] || !tuple[CTA_TUPLE_PROTO] ||
	    nla_parse_nested(proto, CTA_PROTO_MAX, tuple[CTA_TUPLE_PROTO], proto_policy) < 0 ||
	    !proto[CTA_PROTO_NUM] || !proto[CTA_PROTO_SRC_PORT] || !proto[CTA_PROTO_DST_PORT])
		return -EINVAL;
	if (read_ip(tuple[CTA_TUPLE_IP], family, &t) < 0)
		return -EINVAL;
	t.proto = nla_get_u8(proto[CTA_PROTO_NUM]);
	t.sport = ntohs(nla_get_u16(proto[CTA_PROTO_SRC_PORT]));
	t.dport = ntohs(nla_get_u16(proto[CTA_PROTO_DST_PORT]));
	*ret = t;
	return 0;
}

/* -EAGAIN: not the answer to the last question. */
static int read_message(const struct wd_conntrack *c, struct nlmsghdr *h, struct wd_tuple *ret)
{
	const struct nfgenmsg *g;
	const struct nlmsgerr *e;

	if (h->nlmsg_seq != c->seq)
		return -EAGAIN;
	if (h->nlmsg_type == NLMSG_ERROR) {
		if (!nlmsg_valid_hdr(h, sizeof(*e)))
			return -EINVAL;
		e = nlmsg_data(h);
		return e->error ? e->error : -EAGAIN;
	}
	if (h->nlmsg_type != (NFNL_SUBSYS_CTNETLINK << 8 | IPCTNL_MSG_CT_NEW) ||
	    !nlmsg_valid_hdr(h, sizeof(*g)))
		return -EINVAL;
	g = nlmsg_data(h);
	return wd_conntrack_parse(nlmsg_attrdata(h, sizeof(*g)),
	                          (size_t)nlmsg_attrlen(h, sizeof(*g)), g->nfgen_family, ret);
}

int wd_conntrack_reply(struct wd_conntrack *c, const struct wd_tuple *orig, struct wd_tuple *ret)
{
	struct pollfd p = {.fd = nl_socket_get_fd(c->sock), .events = POLLIN};
	int r = ask(c, orig);

	if (r < 0)
		return r;
	for (unsigned int round = 0; round < 8; round++) {
		WD_AUTO_FREE unsigned char *buf = NULL;
		struct sockaddr_nl from;
		struct nlmsghdr *h;
		int n;

		if (poll(&p, 1, ANSWER_MS) <= 0)
			return -ETIMEDOUT;
		n = nl_recv(c->sock, &from, &buf, NULL);
		if (n < 0)
			return from_nl(n);
		for (h = (struct nlmsghdr *)(void *)buf; nlmsg_ok(h, n); h = nlmsg_next(h, &n)) {
			r = read_message(c, h, ret);
			if (r != -EAGAIN)
				return r;
		}
	}
	return -ETIMEDOUT;
}

/* ---- counters ------------------------------------------------------------------------ */

int wd_conntrack_stat(const char *text, size_t n, const char *column, uint64_t *ret)
{
	struct wd_span rest = wd_span(text, n), line, word;
	unsigned int at = 0, i;
	bool found = false;
	uint64_t sum = 0, v;

	if (!wd_span_line(&rest, &line))
		return -ENOENT;
	for (i = 0; wd_span_word(&line, &word); i++) {
		if (wd_span_is(&word, column)) {
			at = i;
			found = true;
		}
	}
	if (!found)
		return -ENOENT;
	while (wd_span_line(&rest, &line)) {
		for (i = 0; wd_span_word(&line, &word); i++) {
			if (i != at)
				continue;
			if (!wd_span_number(&word, 16, UINT64_MAX, &v))
				return -EINVAL;
			sum += v;
		}
	}
	*ret = sum;
	return 0;
}
