/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Results of connect(2), from the exit of system calls.
 *
 * It is the only witness of an attempt that fails before its first packet (no route,
 * no source port, refused by a cgroup program), and it tells who owns a UDP socket.
 * Enabling it makes every system call of the node a little slower (PERFORMANCE.md);
 * where connect can be watched directly, that way stands above this one.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* Not failures of the network: in progress, interrupted, or a programming error. */
static __always_inline bool wd_errno_ignored(int err)
{
	switch (err) {
	case 4:   /* EINTR */
	case 9:   /* EBADF */
	case 11:  /* EAGAIN */
	case 14:  /* EFAULT */
	case 88:  /* ENOTSOCK */
	case 97:  /* EAFNOSUPPORT */
	case 106: /* EISCONN */
	case 114: /* EALREADY */
	case 115: /* EINPROGRESS */
		return true;
	}
	return err >= 512; /* ERESTARTSYS and its kin */
}

static __always_inline bool wd_user_sockaddr(const void *uaddr, __u8 *addr, __u16 *port)
{
	struct {
		__u16 family;
		__be16 port;
		__u32 v4_or_flow;
		__u8 v6[16];
	} sa = {};

	if (bpf_probe_read_user(&sa, 8, uaddr))
		return false;
	if (sa.family == AF_INET) {
		wd_addr_v4(addr, sa.v4_or_flow);
	} else if (sa.family == AF_INET6) {
		if (bpf_probe_read_user(&sa, sizeof(sa), uaddr))
			return false;
		__builtin_memcpy(addr, sa.v6, 16);
	} else {
		return false;
	}
	*port = bpf_ntohs(sa.port);
	return true;
}

/* Descriptor -> socket of the running task. The caller has seen that it is a socket
 * (connect(2) did not return ENOTSOCK). */
static __always_inline struct sock *wd_fd_sock(__u32 fd)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct fdtable *fdt = BPF_CORE_READ(task, files, fdt);
	struct file **table, *file = NULL;
	struct socket *socket;

	if (!fdt || fd >= BPF_CORE_READ(fdt, max_fds))
		return NULL;
	table = BPF_CORE_READ(fdt, fd);
	if (bpf_probe_read_kernel(&file, sizeof(file), &table[fd]) || !file)
		return NULL;
	socket = BPF_CORE_READ(file, private_data);
	return socket ? BPF_CORE_READ(socket, sk) : NULL;
}

#if defined(__TARGET_ARCH_x86)
#define WD_NR_CONNECT 42
#define WD_TS_COMPAT  2
static __always_inline bool wd_is_connect(struct pt_regs *regs, bool btf)
{
	return (__u32)WD_READ(btf, regs, orig_ax) == WD_NR_CONNECT;
}
/* 32-bit system calls have other numbers. */
static __always_inline bool wd_is_compat(void)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();

	return BPF_CORE_READ(task, thread_info.status) & WD_TS_COMPAT;
}
#define WD_ARG_FD(btf, regs)   ((__u32)WD_READ(btf, regs, di))
#define WD_ARG_ADDR(btf, regs) ((const void *)WD_READ(btf, regs, si))
#elif defined(__TARGET_ARCH_arm64)
#define WD_NR_CONNECT          203
static __always_inline bool wd_is_connect(struct pt_regs *regs, bool btf)
{
	return WD_READ(btf, regs, syscallno) == WD_NR_CONNECT;
}
static __always_inline bool wd_is_compat(void)
{
	return false; /* AArch32's number of connect is another (283) */
}
#define WD_ARG_FD(btf, regs)   ((__u32)WD_READ(btf, regs, orig_x0))
#define WD_ARG_ADDR(btf, regs) ((const void *)WD_READ(btf, regs, regs[1]))
#endif

static __always_inline void wd_connect_failed(struct pt_regs *regs, int err, bool btf)
{
	struct wd_abi_tuple t = {};
	struct wd_abi_connect *r;
	struct sock *sk;

	if (wd_errno_ignored(err) || wd_is_compat())
		return;
	if (!wd_user_sockaddr(WD_ARG_ADDR(btf, regs), t.daddr, &t.dport) || !t.dport)
		return;
	sk = wd_fd_sock(WD_ARG_FD(btf, regs));
	if (!sk)
		return;
	t.proto = BPF_CORE_READ(sk, sk_protocol);
	if (t.proto != IPPROTO_TCP && t.proto != IPPROTO_UDP)
		return;
	if (!wd_target(t.daddr, t.dport, t.proto))
		return;
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_CONNECT, sizeof(*r));
	wd_sock_local_addr(&sk->__sk_common, &t, false);
	r->tuple = t;
	r->sock = wd_conn_key(sk);
	r->err = err;
	wd_owner_current(&r->owner, wd_sock_netns(sk, false));
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
}

static __always_inline void wd_connect_done(struct pt_regs *regs, bool btf)
{
	struct wd_abi_owner owner = {};
	struct wd_abi_tuple t;
	struct sock *sk;

	if (wd_is_compat())
		return;
	sk = wd_fd_sock(WD_ARG_FD(btf, regs));
	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP || !wd_is_inet(sk, false))
		return;
	wd_sock_tuple(sk, &t, false);
	if (!wd_target(t.daddr, t.dport, IPPROTO_UDP))
		return;
	wd_owner_current(&owner, wd_sock_netns(sk, false));
	bpf_map_update_elem(&wd_udp_owners, &t, &owner, BPF_ANY);
}

/* Was this call a TCP connect that inet_sock_set_state has seen begin? Asked for every
 * connect, also one in progress, so that the mark never outlives its call. */
static __always_inline bool wd_was_tcp(void)
{
	__u64 *last;
	__u32 zero = 0;

	last = bpf_map_lookup_elem(&wd_last_tcp, &zero);
	if (!last || *last != bpf_get_current_pid_tgid())
		return false;
	*last = 0;
	return true;
}

static __always_inline int wd_on_sys_exit(struct pt_regs *regs, long ret, bool btf)
{
	bool tcp;

	if (!wd_is_connect(regs, btf))
		return 0;
	tcp = wd_was_tcp();
	if (ret == 0 && !tcp)
		wd_connect_done(regs, btf);
	else if (ret < 0 && ret > -4096)
		wd_connect_failed(regs, (int)-ret, btf);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(wd_sys_exit_btf, struct pt_regs *regs, long ret)
{
	return wd_on_sys_exit(regs, ret, true);
}

SEC("raw_tp/sys_exit")
int wd_sys_exit_raw(__u64 *ctx)
{
	return wd_on_sys_exit((struct pt_regs *)ctx[0], (long)ctx[1], false);
}
