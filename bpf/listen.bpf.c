/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A listener has no room: the one silent refusal that frees its packet without a drop.
 *
 * The same tests as the kernel's own, at the entry of the functions that make them:
 * tcp_conn_request() (net/ipv4/tcp_input.c) for a SYN, tcp_v4_syn_recv_sock() and
 * tcp_v6_syn_recv_sock() for the ACK that completes a handshake.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "packet.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

static __always_inline int wd_listen_record(struct sock *sk, struct sk_buff *skb, __u32 backlog,
                                            __u32 max, __u8 kind, bool btf)
{
	struct wd_abi_tuple orig = {}, reply = {};
	struct wd_abi_listen *r;
	struct wd_packet p;

	if (wd_parse_skb(skb, &p, btf) != WD_PARSE_OK || p.tuple.proto != IPPROTO_TCP)
		return 0;
	if (!wd_target_tuple(&p.tuple) &&
	    !(wd_skb_ct(skb, &orig, &reply, btf) && wd_target(orig.daddr, orig.dport, orig.proto)))
		return 0;
	if (!wd_within_limit(WD_LIMIT_LISTEN)) {
		wd_count(WD_STAT_LIMITED);
		return 0;
	}
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_LISTEN, sizeof(*r));
	r->tuple = p.tuple;
	r->netns = wd_sock_netns(sk, btf);
	r->backlog = backlog;
	r->max = max;
	r->kind = kind;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
	return 0;
}

static __always_inline int wd_on_listen(struct sock *sk, struct sk_buff *skb, __u8 kind, bool btf)
{
	__u32 backlog = WD_READ(btf, sk, sk_ack_backlog);
	__u32 max = WD_READ(btf, sk, sk_max_ack_backlog);

	/* sk_acceptq_is_full() */
	if (backlog <= max)
		return 0;
	return wd_listen_record(sk, skb, backlog, max, kind, btf);
}

SEC("fentry/tcp_conn_request")
int BPF_PROG(wd_listen_syn_fentry, struct request_sock_ops *ops,
             const struct tcp_request_sock_ops *af_ops, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_listen(sk, skb, WD_ABI_LISTEN_SYN, true);
}

SEC("kprobe/tcp_conn_request")
int BPF_KPROBE(wd_listen_syn_kprobe, struct request_sock_ops *ops,
               const struct tcp_request_sock_ops *af_ops, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_listen(sk, skb, WD_ABI_LISTEN_SYN, false);
}

SEC("fentry/tcp_v4_syn_recv_sock")
int BPF_PROG(wd_listen_ack4_fentry, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_listen(sk, skb, WD_ABI_LISTEN_ACK, true);
}

/* For an IPv4 packet it calls tcp_v4_syn_recv_sock(), which is watched, too. */
static __always_inline bool wd_is_v4(struct sk_buff *skb, bool btf)
{
	return WD_READ(btf, skb, protocol) == bpf_htons(0x0800);
}

SEC("fentry/tcp_v6_syn_recv_sock")
int BPF_PROG(wd_listen_ack6_fentry, struct sock *sk, struct sk_buff *skb)
{
	return wd_is_v4(skb, true) ? 0 : wd_on_listen(sk, skb, WD_ABI_LISTEN_ACK, true);
}

SEC("kprobe/tcp_v4_syn_recv_sock")
int BPF_KPROBE(wd_listen_ack4_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_listen(sk, skb, WD_ABI_LISTEN_ACK, false);
}

SEC("kprobe/tcp_v6_syn_recv_sock")
int BPF_KPROBE(wd_listen_ack6_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return wd_is_v4(skb, false) ? 0 : wd_on_listen(sk, skb, WD_ABI_LISTEN_ACK, false);
}
