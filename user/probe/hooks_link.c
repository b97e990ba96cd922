/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/hooks_link.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <sys/syscall.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "probe/hooks_device.h"

/* include/uapi/linux/bpf.h of 6.6 (e420bed02507, "bpf: Add fd-based tcx multi-prog infra with
 * link support"). The header of the build host may be older. */
enum {
	TCX_INGRESS = 46,
	TCX_EGRESS = 47,
	F_BEFORE = 1u << 3,
};

/* union bpf_attr of BPF_LINK_CREATE with its tcx member */
struct link_create {
	uint32_t prog_fd;
	uint32_t target_ifindex;
	uint32_t attach_type;
	uint32_t flags;
	uint32_t relative_fd;
	uint32_t pad;
	uint64_t expected_revision;
};

/* struct bpf_link_info as far as tcx.ifindex and xdp.ifindex, which share a place. */
struct link_info {
	uint32_t type;
	uint32_t id;
	uint32_t prog_id;
	uint32_t pad;
	uint32_t ifindex;
	uint32_t attach_type;
	uint32_t rest[14];
};

int wd_link_tcx(int prog_fd, uint32_t ifindex, bool egress)
{
	struct link_create c = {
		.prog_fd = (uint32_t)prog_fd,
		.target_ifindex = ifindex,
		.attach_type = egress ? TCX_EGRESS : TCX_INGRESS,
		.flags = F_BEFORE, /* of nobody in particular: of all */
	};
	long fd = syscall(SYS_bpf, BPF_LINK_CREATE, &c, sizeof(c));

	return fd < 0 ? -errno : (int)fd;
}

bool wd_link_alive(int link_fd, uint32_t ifindex)
{
	struct link_info info = {0};
	uint32_t len = sizeof(info);

	if (bpf_obj_get_info_by_fd(link_fd, &info, &len) < 0)
		return false;
	return info.ifindex == ifindex;
}

/* Nobody's program may be there, in any mode: the kernel takes one XDP program a device. For the
 * same reason nobody else can attach one while ours is there (net/core/dev.c,
 * dev_xdp_attach()). */
static int xdp_free(uint32_t ifindex, char *why, size_t size)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, q);
	int r = bpf_xdp_query((int)ifindex, 0, &q);

	if (r < 0)
		return r;
	if (q.attach_mode == XDP_ATTACHED_NONE)
		return 0;
	snprintf(why, size, "an XDP program of somebody else is attached (id %u)",
	         q.prog_id       ? q.prog_id
	         : q.drv_prog_id ? q.drv_prog_id
	         : q.skb_prog_id ? q.skb_prog_id
	                         : q.hw_prog_id);
	return -EBUSY;
}

int wd_link_xdp(struct wd_netlink *n, int prog_fd, uint32_t ifindex, char *why, size_t size)
{
	LIBBPF_OPTS(bpf_link_create_opts, o, .flags = XDP_FLAGS_SKB_MODE);
	int r = xdp_free(ifindex, why, size), fd;

	if (r == 0)
		r = wd_device_xdp_harmless(n, ifindex, why, size);
	if (r < 0)
		return r;
	fd = bpf_link_create(prog_fd, (int)ifindex, BPF_XDP, &o);
	if (fd >= 0)
		return fd;
	if (errno == EBUSY)
		snprintf(why, size, "somebody else attached an XDP program just now");
	return -errno;
}
