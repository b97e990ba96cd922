/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Reading kernel memory in one way for two kinds of program.
 *
 * In a BTF-typed program (tp_btf, fentry) a field is loaded directly, which costs
 * about a nanosecond; in a raw one it goes through bpf_probe_read_kernel. `btf` is a
 * constant in every caller, so that one handler body becomes either.
 */
#ifndef WD_READ_BPF_H
#define WD_READ_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "maps.bpf.h"

/*
 * Lockdown in confidentiality mode takes bpf_probe_read_kernel() away, and a program that calls
 * it does not load. wd_may_read is constant when a program is verified, so that the call is
 * not even there where it is false; then everything read in this way is zero.
 */
static __always_inline long wd_probe_read_kernel(void *dst, __u32 size, const void *src)
{
	if (wd_may_read)
		return bpf_probe_read_kernel(dst, size, src);
	if (__builtin_constant_p(size))
		__builtin_memset(dst, 0, size);
	return -1;
}
#define bpf_probe_read_kernel(dst, size, src) wd_probe_read_kernel(dst, size, src)

static __always_inline long wd_probe_read_kernel_str(void *dst, __u32 size, const void *src)
{
	return wd_may_read ? bpf_probe_read_kernel_str(dst, size, src) : -1;
}
#define bpf_probe_read_kernel_str(dst, size, src) wd_probe_read_kernel_str(dst, size, src)

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include "abi.h"

#define AF_INET        2
#define AF_INET6       10
#define ETH_P_IP       0x0800
#define ETH_P_IPV6     0x86dd
#define IPPROTO_ICMP   1
#define IPPROTO_TCP    6
#define IPPROTO_UDP    17
#define IPPROTO_ICMPV6 58

#define WD_READ(btf, p, field)                                               \
	({                                                                   \
		typeof((p)->field) __wd_v;                                   \
		if (btf)                                                     \
			__wd_v = (p)->field;                                 \
		else                                                         \
			bpf_core_read(&__wd_v, sizeof(__wd_v), &(p)->field); \
		__wd_v;                                                      \
	})

/* A field of a TCP socket, that `sk` is known to be. */
#define WD_TCP_READ(btf, dst, sk, field)                                                       \
	({                                                                                     \
		if (wd_may_read || !(btf)) {                                                   \
			bpf_core_read(dst, sizeof(*(dst)), &((struct tcp_sock *)(sk))->field); \
		} else {                                                                       \
			struct tcp_sock *__wd_tp = bpf_skc_to_tcp_sock(sk);                    \
			if (__wd_tp)                                                           \
				*(dst) = __wd_tp->field;                                       \
		}                                                                              \
	})

/* ::ffff:0:0/96 */
static __always_inline void wd_addr_v4(__u8 *to, __be32 v4)
{
	__u32 *w = (__u32 *)to;

	w[0] = 0;
	w[1] = 0;
	w[2] = bpf_htonl(0xffff);
	w[3] = v4;
}

static __always_inline bool wd_is_inet(struct sock *sk, bool btf)
{
	__u16 family = WD_READ(btf, sk, __sk_common.skc_family);

	return family == AF_INET || family == AF_INET6;
}

static __always_inline __u32 wd_sock_netns(struct sock *sk, bool btf)
{
	struct net *net = WD_READ(btf, sk, __sk_common.skc_net.net);

	return net ? WD_READ(btf, net, ns.inum) : 0;
}

/* The remote end, from a socket that has one. */
static __always_inline void wd_sock_remote(struct sock_common *sk, struct wd_abi_tuple *t, bool btf)
{
	if (WD_READ(btf, sk, skc_family) == AF_INET) {
		wd_addr_v4(t->daddr, WD_READ(btf, sk, skc_daddr));
	} else {
		struct in6_addr a = WD_READ(btf, sk, skc_v6_daddr);

		__builtin_memcpy(t->daddr, &a, 16);
	}
	t->dport = bpf_ntohs(WD_READ(btf, sk, skc_dport));
}

static __always_inline void wd_sock_local_addr(struct sock_common *sk, struct wd_abi_tuple *t,
                                               bool btf)
{
	if (WD_READ(btf, sk, skc_family) == AF_INET) {
		wd_addr_v4(t->saddr, WD_READ(btf, sk, skc_rcv_saddr));
	} else {
		struct in6_addr a = WD_READ(btf, sk, skc_v6_rcv_saddr);

		__builtin_memcpy(t->saddr, &a, 16);
	}
}

/*
 * Local -> remote. The port is taken from inet_sport: skc_num is already cleared
 * when a socket reports its way to CLOSE (inet_put_port before the state change).
 */
static __always_inline void wd_sock_tuple(struct sock *sk, struct wd_abi_tuple *t, bool btf)
{
	__be16 sport = 0;

	__builtin_memset(t, 0, sizeof(*t));
	wd_sock_remote(&sk->__sk_common, t, btf);
	wd_sock_local_addr(&sk->__sk_common, t, btf);
	if (wd_may_read || !btf) {
		bpf_core_read(&sport, sizeof(sport), &((struct inet_sock *)sk)->inet_sport);
		t->sport = bpf_ntohs(sport);
	} else {
		t->sport = WD_READ(btf, sk, __sk_common.skc_num);
	}
	t->proto = WD_READ(btf, sk, sk_protocol);
}

static __always_inline void wd_tuple_reverse(struct wd_abi_tuple *to,
                                             const struct wd_abi_tuple *from)
{
	__builtin_memcpy(to->saddr, from->daddr, 16);
	__builtin_memcpy(to->daddr, from->saddr, 16);
	to->sport = from->dport;
	to->dport = from->sport;
	to->proto = from->proto;
	__builtin_memset(to->pad, 0, sizeof(to->pad));
}

#endif
