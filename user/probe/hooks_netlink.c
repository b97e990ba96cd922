/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks_netlink.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/netlink.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "base/cleanup.h"

/* The kernel answers within its own system call: this is for a kernel that does not. */
#define PATIENCE_S 2

int wd_netlink_open(struct wd_netlink *n)
{
	struct timeval patience = {.tv_sec = PATIENCE_S};
	int one = 1;

	memset(n, 0, sizeof(*n));
	n->sock = nl_socket_alloc();
	if (!n->sock)
		return -ENOMEM;
	if (nl_connect(n->sock, NETLINK_ROUTE) < 0) {
		wd_netlink_close(n);
		return -EIO;
	}
	setsockopt(nl_socket_get_fd(n->sock), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	/* the kernel's own words; older ones have none */
	setsockopt(nl_socket_get_fd(n->sock), SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	return 0;
}

void wd_netlink_close(struct wd_netlink *n)
{
	if (n->sock)
		nl_socket_free(n->sock);
	n->sock = NULL;
}

struct nl_msg *wd_netlink_request(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, flags | NLM_F_REQUEST);

	if (m && nlmsg_append(m, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		return NULL;
	}
	return m;
}

/* Of an error: what failed is echoed first (its payload not with NLM_F_CAPPED). */
static void keep_words(struct wd_netlink *n, struct nlmsghdr *h)
{
	struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);
	const struct nlattr *words;

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED) && e->error)
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	words = nlmsg_find_attr(h, (int)skip, NLMSGERR_ATTR_MSG);
	if (words)
		snprintf(n->said, sizeof(n->said), "%.*s", nla_len(words),
		         (const char *)nla_data(words));
}

/* One message: 1 when the answer goes on, 0 at its end, or what went wrong. */
static int on_message(struct wd_netlink *n, struct nlmsghdr *h, wd_netlink_fn fn, void *ctx,
                      bool *changed)
{
	*changed |= h->nlmsg_flags & NLM_F_DUMP_INTR;
	if (h->nlmsg_type == NLMSG_ERROR) {
		if (nlmsg_datalen(h) < (int)sizeof(struct nlmsgerr))
			return -EPROTO;
		keep_words(n, h);
		return ((struct nlmsgerr *)nlmsg_data(h))->error;
	}
	if (h->nlmsg_type == NLMSG_DONE) {
		int r = 0;

		if (nlmsg_datalen(h) >= (int)sizeof(r))
			memcpy(&r, nlmsg_data(h), sizeof(r));
		return r < 0 ? r : 0;
	}
	if (fn)
		fn(h, ctx);
	return 1;
}

static int hear(struct wd_netlink *n, uint32_t seq, wd_netlink_fn fn, void *ctx)
{
	bool changed = false;
	int r = 1;

	while (r > 0) {
		WD_AUTO_FREE unsigned char *buf = NULL;
		struct sockaddr_nl from;
		struct nlmsghdr *h;
		int left = nl_recv(n->sock, &from, &buf, NULL);

		if (left <= 0)
			return -EIO;
		for (h = (struct nlmsghdr *)buf; r > 0 && nlmsg_ok(h, left);
		     h = nlmsg_next(h, &left))
			if (from.nl_pid == 0 && h->nlmsg_seq == seq)
				r = on_message(n, h, fn, ctx, &changed);
	}
	return r == 0 && changed ? -EAGAIN : r;
}

int wd_netlink_ask(struct wd_netlink *n, struct nl_msg *m, wd_netlink_fn fn, void *ctx)
{
	int r;

	n->said[0] = '\0';
	if (!m)
		return -ENOMEM;
	r = nl_send_auto(n->sock, m);
	if (r >= 0)
		r = hear(n, nlmsg_hdr(m)->nlmsg_seq, fn, ctx);
	else
		r = -EIO;
	nlmsg_free(m);
	return r;
}
