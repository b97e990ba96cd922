/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Results of connect(2).
 *
 * They are the only witness of an attempt that fails before its first packet (no route,
 * no source port, refused by a cgroup program), and they tell who owns a UDP socket.
 * Best seen where the function that does it returns; at the exit of system calls
 * otherwise, which makes every call of the node a little slower (PERFORMANCE.md).
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

static __always_inline bool wd_sockaddr(const void *uaddr, bool user, __u8 *addr, __u16 *port)
{
	struct {
		__u16 family;
		__be16 port;
		__u32 v4_or_flow;
		__u8 v6[16];
	} sa = {};

	if (user ? bpf_probe_read_user(&sa, 8, uaddr) : bpf_probe_read_kernel(&sa, 8, uaddr))
		return false;
	if (sa.family == AF_INET) {
		wd_addr_v4(addr, sa.v4_or_flow);
	} else if (sa.family == AF_INET6) {
		if (user ? bpf_probe_read_user(&sa, sizeof(sa), uaddr)
		         : bpf_probe_read_kernel(&sa, sizeof(sa), uaddr))
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

/* addr, port: what the process asked for. */
static __always_inline void wd_connect_record(struct sock *sk, const __u8 *addr, __u16 port,
                                              int err)
{
	struct wd_abi_tuple t = {};
	struct wd_abi_connect *r;

	if (!port)
		return;
	t.proto = BPF_CORE_READ(sk, sk_protocol);
	if (t.proto != IPPROTO_TCP && t.proto != IPPROTO_UDP)
		return;
	__builtin_memcpy(t.daddr, addr, 16);
	t.dport = port;
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

/* Notes who owns a connected UDP socket. */
static __always_inline void wd_connect_done(struct sock *sk)
{
	struct wd_abi_owner owner = {};
	struct wd_abi_tuple t;

	if (!sk || BPF_CORE_READ(sk, sk_protocol) != IPPROTO_UDP || !wd_is_inet(sk, false))
		return;
	wd_sock_tuple(sk, &t, false);
	if (!wd_target(t.daddr, t.dport, IPPROTO_UDP))
		return;
	wd_owner_current(&owner, wd_sock_netns(sk, false));
	bpf_map_update_elem(&wd_udp_owners, &t, &owner, BPF_ANY);
}

/* ---- sys_exit: of every system call, so that the first test decides ---------------------- */

/* Was this call a TCP connect that has been seen to begin? Asked for every connect, also one
 * in progress, so that the mark never outlives its call. */
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
	struct sock *sk;
	__u8 addr[16];
	__u16 port;
	bool tcp;

	if (!wd_is_connect(regs, btf))
		return 0;
	tcp = wd_was_tcp();
	if (ret == 0 && !tcp) {
		if (!wd_is_compat())
			wd_connect_done(wd_fd_sock(WD_ARG_FD(btf, regs)));
	} else if (ret < 0 && ret > -4096) {
		if (wd_errno_ignored((int)-ret) || wd_is_compat())
			return 0;
		if (!wd_sockaddr(WD_ARG_ADDR(btf, regs), true, addr, &port))
			return 0;
		sk = wd_fd_sock(WD_ARG_FD(btf, regs));
		if (sk)
			wd_connect_record(sk, addr, port, (int)-ret);
	}
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

/* ---- fexit: of the connect of stream and datagram sockets, and of the LSM before it --------- */

/*
 * Results of inet_stream_connect(), inet_dgram_connect() (net/ipv4/af_inet.c, IPv6 too) and
 * security_socket_connect(): nothing runs in other system calls, and connects of the kernel's
 * own sockets and of io_uring are seen as well.
 */
static __always_inline int wd_on_connect_exit(struct socket *sock, const void *uaddr, int ret)
{
	struct sock *sk;
	__u8 addr[16];
	__u16 port;

	if (ret >= 0 || ret <= -4096 || wd_errno_ignored(-ret))
		return 0;
	if (!wd_sockaddr(uaddr, false, addr, &port))
		return 0;
	sk = BPF_CORE_READ(sock, sk);
	if (sk)
		wd_connect_record(sk, addr, port, -ret);
	return 0;
}

SEC("fexit/inet_stream_connect")
int wd_connect_stream_fexit(__u64 *ctx)
{
	return wd_on_connect_exit((struct socket *)ctx[0], (const void *)ctx[1], (int)ctx[4]);
}

SEC("fexit/inet_dgram_connect")
int wd_connect_dgram_fexit(__u64 *ctx)
{
	struct socket *sock = (struct socket *)ctx[0];

	if ((int)ctx[4] == 0)
		wd_connect_done(BPF_CORE_READ(sock, sk));
	return wd_on_connect_exit(sock, (const void *)ctx[1], (int)ctx[4]);
}

SEC("fexit/security_socket_connect")
int wd_connect_lsm_fexit(__u64 *ctx)
{
	return wd_on_connect_exit((struct socket *)ctx[0], (const void *)ctx[1], (int)ctx[3]);
}

/* ---- kprobe and kretprobe ------------------------------------------------------------------- */

/*
 * The functions that do not wait for an answer: a return probe holds one of few instances
 * until its function returns. So how a waiting connect(2) ended is told by the socket's end.
 */
static __always_inline int wd_on_connect_entry(struct sock *sk, const void *uaddr)
{
	struct wd_connecting c = {.sock = (__u64)sk};
	__u64 id = bpf_get_current_pid_tgid();

	if (wd_sockaddr(uaddr, false, c.addr, &c.port))
		bpf_map_update_elem(&wd_connecting, &id, &c, BPF_ANY);
	return 0;
}

static __always_inline int wd_on_connect_return(int ret)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct wd_connecting *c = bpf_map_lookup_elem(&wd_connecting, &id);

	if (!c)
		return 0;
	if (ret == 0)
		wd_connect_done((struct sock *)c->sock);
	else if (ret < 0 && ret > -4096 && !wd_errno_ignored(-ret))
		wd_connect_record((struct sock *)c->sock, c->addr, c->port, -ret);
	bpf_map_delete_elem(&wd_connecting, &id);
	return 0;
}

SEC("kprobe/tcp_v4_connect")
int BPF_KPROBE(wd_connect_v4_kprobe, struct sock *sk, const void *uaddr)
{
	return wd_on_connect_entry(sk, uaddr);
}

SEC("kprobe/tcp_v6_connect")
int BPF_KPROBE(wd_connect_v6_kprobe, struct sock *sk, const void *uaddr)
{
	return wd_on_connect_entry(sk, uaddr);
}

SEC("kprobe/inet_dgram_connect")
int BPF_KPROBE(wd_connect_dgram_kprobe, struct socket *sock, const void *uaddr)
{
	return wd_on_connect_entry(BPF_CORE_READ(sock, sk), uaddr);
}

SEC("kretprobe/tcp_v4_connect")
int BPF_KRETPROBE(wd_connect_v4_kretprobe, int ret)
{
	return wd_on_connect_return(ret);
}

SEC("kretprobe/tcp_v6_connect")
int BPF_KRETPROBE(wd_connect_v6_kretprobe, int ret)
{
	return wd_on_connect_return(ret);
}

SEC("kretprobe/inet_dgram_connect")
int BPF_KRETPROBE(wd_connect_dgram_kretprobe, int ret)
{
	return wd_on_connect_return(ret);
}

/* ---- plain tracepoints: enter and exit of connect(2) alone --------------------------------------
 */

SEC("tracepoint/syscalls/sys_enter_connect")
int wd_connect_enter_tp(struct trace_event_raw_sys_enter *ctx)
{
	struct wd_connecting c = {.fd = (__u32)ctx->args[0]};
	__u64 id = bpf_get_current_pid_tgid();

	if (wd_sockaddr((const void *)ctx->args[1], true, c.addr, &c.port))
		bpf_map_update_elem(&wd_connecting, &id, &c, BPF_ANY);
	return 0;
}

SEC("tracepoint/syscalls/sys_exit_connect")
int wd_connect_exit_tp(struct trace_event_raw_sys_exit *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct wd_connecting *c = bpf_map_lookup_elem(&wd_connecting, &id);
	long ret = ctx->ret;
	struct sock *sk;

	if (!c)
		return 0;
	if (ret <= 0 && ret > -4096 && !wd_errno_ignored((int)-ret)) {
		sk = wd_fd_sock((__u32)c->fd);
		if (sk && ret == 0)
			wd_connect_done(sk);
		else if (sk)
			wd_connect_record(sk, c->addr, c->port, (int)-ret);
	}
	bpf_map_delete_elem(&wd_connecting, &id);
	return 0;
}
