/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to the kernel's routing netlink, one at a time, with its own errno and words. */
#ifndef WD_PROBE_HOOKS_NETLINK_H
#define WD_PROBE_HOOKS_NETLINK_H

#include <stddef.h>

#include <netlink/netlink.h>

/* Room for what the kernel says besides its errno (NLMSGERR_ATTR_MSG). */
#define WD_NETLINK_SAYLEN 128

struct wd_netlink {
	struct nl_sock *sock;
	char said[WD_NETLINK_SAYLEN]; /* about the last request; "" nothing */
};

/* Called for each message of an answer. */
typedef void (*wd_netlink_fn)(struct nlmsghdr *h, void *ctx);

int wd_netlink_open(struct wd_netlink *n);
void wd_netlink_close(struct wd_netlink *n);
/*
 * A request of the kernel's fixed header for this family, and room for attributes; NULL
 * without memory. wd_netlink_ask() sends it, frees it (NULL: -ENOMEM), and waits for the end
 * of the answer. -EAGAIN: what was listed changed meanwhile.
 */
struct nl_msg *wd_netlink_request(int type, int flags, const void *header, size_t size);
int wd_netlink_ask(struct wd_netlink *n, struct nl_msg *m, wd_netlink_fn fn, void *ctx);

#endif
