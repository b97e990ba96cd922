/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Refusals: RSTs received and sent, errors that reach a socket.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "packet.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* ---- tcp_receive_reset ----------------------------------------------------------------- */

static __always_inline int wd_on_receive_reset(struct sock *sk)
{
	struct wd_conn *c = wd_conn_get(sk);

	if (c)
		c->flags |= WD_ABI_CONN_RST_RX;
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(wd_receive_reset_btf, struct sock *sk)
{
	return wd_on_receive_reset(sk);
}

SEC("raw_tp/tcp_receive_reset")
int wd_receive_reset_raw(__u64 *ctx)
{
	return wd_on_receive_reset((struct sock *)ctx[0]);
}

SEC("kprobe/tcp_reset")
int BPF_KPROBE(wd_receive_reset_kprobe, struct sock *sk)
{
	return wd_on_receive_reset(sk);
}

SEC("tracepoint/tcp/tcp_receive_reset")
int wd_receive_reset_tp(struct trace_event_raw_tcp_event_sk *ctx)
{
	return wd_on_receive_reset((struct sock *)ctx->skaddr);
}

/* ---- tcp_send_reset ---------------------------------------------------------------------- */

static __always_inline int wd_on_send_reset(struct sock *sk, struct sk_buff *skb, __s32 reason,
                                            bool btf)
{
	struct wd_abi_tuple in = {};
	struct wd_abi_reset *r;
	struct wd_packet p;
	bool no_socket = false;
	__u8 state = 0;
	__u32 netns = 0;

	if (sk) {
		struct wd_conn *c = wd_conn_get(sk);

		if (c) {
			c->flags |= WD_ABI_CONN_RST_TX;
			return 0;
		}
		state = WD_READ(btf, sk, __sk_common.skc_state);
		netns = wd_sock_netns(sk, btf);
	}
	if (sk && state != TCP_LISTEN && state != TCP_TIME_WAIT && state != TCP_NEW_SYN_RECV) {
		struct wd_abi_tuple t;

		if (!wd_is_inet(sk, btf))
			return 0;
		wd_sock_tuple(sk, &t, btf);
		t.proto = IPPROTO_TCP;
		wd_tuple_reverse(&in, &t);
	} else if (skb && wd_parse_skb(skb, &p, btf) == WD_PARSE_OK) {
		/* In answer to a packet. Only a SYN asks for a connection: the rest are
		 * latecomers of connections that are over. */
		if ((p.tcp_flags & 0x16) != 0x02)
			return 0;
		in = p.tuple;
		no_socket = true;
		if (!netns) {
			struct net_device *dev = WD_READ(btf, skb, dev);

			if (dev) {
				struct net *net = WD_READ(btf, dev, nd_net.net);

				netns = net ? WD_READ(btf, net, ns.inum) : 0;
			}
		}
	} else {
		return 0;
	}
	/* Refusals that are not of a target by address: behind DNAT the SYN bears the backend's
	 * address, and conntrack forgets the connection with the RST, so nobody could tell
	 * later which backend it was. The reader joins them by the client's address and port.
	 * Bounded, since a port scan makes as many as it likes. */
	if (!wd_target_tuple(&in) && !(no_socket && wd_within_limit(WD_LIMIT_RESET)))
		return 0;
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_RESET, sizeof(*r));
	r->tuple = in;
	r->netns = netns;
	r->reason = reason;
	r->no_socket = no_socket;
	r->state = state;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
	return 0;
}

SEC("tp_btf/tcp_send_reset")
int wd_send_reset_btf(__u64 *ctx)
{
	/* ctx[2] may only be read where the prototype has it */
	return wd_on_send_reset((struct sock *)ctx[0], (struct sk_buff *)ctx[1],
	                        wd_reset_has_reason ? (__s32)ctx[2] : -1, true);
}

SEC("raw_tp/tcp_send_reset")
int wd_send_reset_raw(__u64 *ctx)
{
	return wd_on_send_reset((struct sock *)ctx[0], (struct sk_buff *)ctx[1],
	                        wd_reset_has_reason ? (__s32)ctx[2] : -1, false);
}

SEC("tracepoint/tcp/tcp_send_reset")
int wd_send_reset_tp(void *ctx)
{
	struct trace_event_raw_tcp_send_reset *own = ctx;
	struct trace_event_raw_tcp_event_sk_skb *shared = ctx;

	if (bpf_core_type_exists(struct trace_event_raw_tcp_send_reset))
		return wd_on_send_reset((struct sock *)own->skaddr, (struct sk_buff *)own->skbaddr,
		                        (int)own->reason, false);
	return wd_on_send_reset((struct sock *)shared->skaddr, (struct sk_buff *)shared->skbaddr,
	                        -1, false);
}

/*
 * Before 6.10 the tracepoint speaks only for resets that belong to a socket: the answer to a
 * SYN for which nobody listens is not among them, and is seen at the functions that write it.
 */
static __always_inline int wd_on_refuse(struct sock *sk, struct sk_buff *skb, bool btf)
{
	return sk ? 0 : wd_on_send_reset(NULL, skb, -1, btf);
}

SEC("fentry/tcp_v4_send_reset")
int BPF_PROG(wd_refuse_v4_fentry, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_refuse(sk, skb, true);
}

SEC("fentry/tcp_v6_send_reset")
int BPF_PROG(wd_refuse_v6_fentry, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_refuse(sk, skb, true);
}

SEC("kprobe/tcp_v4_send_reset")
int BPF_KPROBE(wd_refuse_v4_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_refuse(sk, skb, false);
}

SEC("kprobe/tcp_v6_send_reset")
int BPF_KPROBE(wd_refuse_v6_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_refuse(sk, skb, false);
}

/* ---- inet_sk_error_report ------------------------------------------------------------------ */

/*
 * An ICMP error in answer to a SYN whose socket is in use at that moment (5.19 and later):
 * the connection lives on, but the process is woken and fetches the error (SO_ERROR,
 * sk_err_soft), and most give up then. It stands at the end of the error queue.
 */
static __always_inline int wd_queued_error(struct sock *sk)
{
	struct sock_exterr_skb *x;
	struct sk_buff *last;
	__u8 origin;

	if (!BPF_CORE_READ(sk, sk_error_queue.qlen))
		return 0;
	last = BPF_CORE_READ(sk, sk_error_queue.prev);
	x = (struct sock_exterr_skb *)((__u64)last + bpf_core_field_offset(last->cb));
	origin = BPF_CORE_READ(x, ee.ee_origin);
	/* SO_EE_ORIGIN_ICMP, SO_EE_ORIGIN_ICMP6 */
	return origin == 2 || origin == 3 ? (int)BPF_CORE_READ(x, ee.ee_errno) : 0;
}

static __always_inline int wd_on_error_report(struct sock *sk, bool btf)
{
	int err = WD_READ(btf, sk, sk_err);
	__u16 proto;
	struct wd_abi_sock_error *r;
	struct wd_abi_owner *owner;
	struct wd_abi_tuple t;

	if (!wd_is_inet(sk, btf))
		return 0;
	proto = WD_READ(btf, sk, sk_protocol);
	if (proto == IPPROTO_TCP) {
		struct wd_conn *c = wd_conn_get(sk);

		if (c && !err && WD_READ(btf, sk, __sk_common.skc_state) == TCP_SYN_SENT)
			err = wd_queued_error(sk);
		if (c && err)
			c->err = err;
		return 0;
	}
	/* also called when something was put on the error queue (timestamps) */
	if (!err || proto != IPPROTO_UDP)
		return 0;
	wd_sock_tuple(sk, &t, btf);
	if (!t.dport || !wd_target(t.daddr, t.dport, IPPROTO_UDP))
		return 0;
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_SOCK_ERROR, sizeof(*r));
	r->tuple = t;
	owner = bpf_map_lookup_elem(&wd_udp_owners, &t);
	if (owner)
		r->owner = *owner;
	else
		r->owner.netns = wd_sock_netns(sk, btf);
	r->sock = wd_conn_key(sk);
	r->err = err;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
	return 0;
}

SEC("tp_btf/inet_sk_error_report")
int BPF_PROG(wd_error_report_btf, struct sock *sk)
{
	return wd_on_error_report(sk, true);
}

SEC("raw_tp/inet_sk_error_report")
int wd_error_report_raw(__u64 *ctx)
{
	return wd_on_error_report((struct sock *)ctx[0], false);
}

/* Before 5.14 the report goes straight to the socket's callback, which is this one unless
 * the socket belongs to a service of the kernel itself. */
SEC("fentry/sock_def_error_report")
int BPF_PROG(wd_error_report_fentry, struct sock *sk)
{
	return wd_on_error_report(sk, true);
}

SEC("kprobe/sock_def_error_report")
int BPF_KPROBE(wd_error_report_kprobe, struct sock *sk)
{
	return wd_on_error_report(sk, false);
}
