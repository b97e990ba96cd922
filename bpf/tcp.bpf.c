/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The life of TCP connections: connect, answer, retries, resets, end.
 *
 * A healthy connection leaves no record: it is noted when connect begins and
 * forgotten when its socket goes. Records are written when something is wrong.
 * Each handler has one body and thin entry points, one for each way to attach.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "packet.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
	TCP_NEW_SYN_RECV = 12,
};
#define TCP_TIME_WAIT 6

/* An answer that took longer is late even if nothing was repeated (1 s: the first
 * SYN retransmission, RFC 6298). */
#define WD_LATE_NS 1000000000ull

/* ---- inet_sock_set_state ------------------------------------------------------- */

static __always_inline void wd_connect_begins(struct sock *sk, bool btf)
{
	struct wd_abi_tuple t = {};
	struct wd_conn c = {};
	__u64 key = wd_conn_key(sk), id = bpf_get_current_pid_tgid(), *last;
	__u32 zero = 0;

	if (!wd_is_inet(sk, btf))
		return;
	wd_sock_remote(&sk->__sk_common, &t, btf);
	if (!wd_target(t.daddr, t.dport, IPPROTO_TCP))
		return;
	last = bpf_map_lookup_elem(&wd_last_tcp, &zero);
	if (last)
		*last = id;
	wd_owner_current(&c.owner, wd_sock_netns(sk, btf));
	c.start_ns = bpf_ktime_get_ns();
	if (bpf_map_update_elem(&wd_conns, &key, &c, BPF_ANY))
		wd_count(WD_STAT_CONN_LOST_TABLE);
	else
		wd_count(WD_STAT_CONN_TRACKED);
}

static __always_inline void wd_conn_forget(struct sock *sk)
{
	__u64 key = wd_conn_key(sk);

	bpf_map_delete_elem(&wd_conns, &key);
}

static __always_inline void wd_connect_ends(struct sock *sk, int new_state, bool btf)
{
	struct wd_conn *c = wd_conn_get(sk);

	if (!c) {
		struct wd_abi_tuple t = {};

		/* connect began before us, or the table forgot it */
		wd_sock_remote(&sk->__sk_common, &t, btf);
		if (!wd_target(t.daddr, t.dport, IPPROTO_TCP))
			return;
		wd_count(WD_STAT_CONN_EVICTED);
		if (new_state == TCP_CLOSE)
			wd_conn_emit(sk, NULL, WD_ABI_TR_CLOSED, TCP_SYN_SENT, TCP_CLOSE, 0, false,
			             btf);
		return;
	}
	if (new_state == TCP_CLOSE) {
		wd_conn_emit(sk, c, WD_ABI_TR_CLOSED, TCP_SYN_SENT, TCP_CLOSE, 0, false, btf);
		if (!wd_have_destroy)
			wd_conn_forget(sk);
		return;
	}
	c->flags |= WD_ABI_CONN_EST;
	c->err = 0; /* an ICMP error that did not keep the answer away */
	if (c->syn_retrans || bpf_ktime_get_ns() - c->start_ns > WD_LATE_NS)
		wd_conn_emit(sk, c, WD_ABI_TR_ESTABLISHED, TCP_SYN_SENT, new_state, 0, false, btf);
}

static __always_inline void wd_conn_closes(struct sock *sk, int old_state, bool btf)
{
	struct wd_conn *c = wd_conn_get(sk);

	if (!c)
		return;
	if (c->flags & (WD_ABI_CONN_RST_RX | WD_ABI_CONN_REPORTED) || WD_READ(btf, sk, sk_err))
		wd_conn_emit(sk, c, WD_ABI_TR_CLOSED, old_state, TCP_CLOSE, 0, false, btf);
	if (!wd_have_destroy)
		wd_conn_forget(sk);
}

static __always_inline int wd_on_set_state(struct sock *sk, int old_state, int new_state, bool btf)
{
	if (new_state == TCP_SYN_SENT) {
		if (WD_READ(btf, sk, sk_protocol) == IPPROTO_TCP)
			wd_connect_begins(sk, btf);
	} else if (old_state == TCP_SYN_SENT) {
		if (WD_READ(btf, sk, sk_protocol) == IPPROTO_TCP)
			wd_connect_ends(sk, new_state, btf);
	} else if (new_state == TCP_CLOSE && old_state != TCP_LISTEN) {
		wd_conn_closes(sk, old_state, btf);
	}
	return 0;
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(wd_set_state_btf, struct sock *sk, int old_state, int new_state)
{
	return wd_on_set_state(sk, old_state, new_state, true);
}

SEC("raw_tp/inet_sock_set_state")
int wd_set_state_raw(__u64 *ctx)
{
	return wd_on_set_state((struct sock *)ctx[0], (int)ctx[1], (int)ctx[2], false);
}

/* ---- tcp_destroy_sock ------------------------------------------------------------ */

/*
 * The socket is freed. If the connection was reset, sk_err still tells whether the
 * process ever looked (sock_error() clears it): a reset that nobody met is no failure.
 */
static __always_inline int wd_on_destroy(struct sock *sk, bool btf)
{
	struct wd_conn *c = wd_conn_get(sk);

	if (!c)
		return 0;
	if ((c->flags & WD_ABI_CONN_RST_RX) && (c->flags & WD_ABI_CONN_EST) &&
	    (c->flags & WD_ABI_CONN_REPORTED)) {
		c->err = 0;
		wd_conn_emit(sk, c, WD_ABI_TR_DESTROYED, TCP_CLOSE, TCP_CLOSE, 0, false, btf);
	}
	wd_conn_forget(sk);
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(wd_destroy_btf, struct sock *sk)
{
	return wd_on_destroy(sk, true);
}

SEC("raw_tp/tcp_destroy_sock")
int wd_destroy_raw(__u64 *ctx)
{
	return wd_on_destroy((struct sock *)ctx[0], false);
}

/* ---- tcp_retransmit_skb ------------------------------------------------------------ */

static __always_inline int wd_on_retransmit(struct sock *sk, struct sk_buff *skb, bool btf)
{
	struct inet_connection_sock *icsk = (struct inet_connection_sock *)sk;
	__u8 state = WD_READ(btf, sk, __sk_common.skc_state);
	struct wd_conn *c = wd_conn_get(sk);
	bool server = false;
	__u8 n = 0;

	if (!c) {
		struct wd_abi_tuple t;
		bool to, from;

		if (!wd_is_inet(sk, btf))
			return 0;
		wd_sock_tuple(sk, &t, btf);
		to = wd_target(t.daddr, t.dport, IPPROTO_TCP);
		from = wd_target(t.saddr, t.sport, IPPROTO_TCP);
		if (!to && !from)
			return 0;
		/* Nobody here was seen to connect it: the accepting side, or a connection older
		 * than the trace. Servers have the lower port where the targets do not tell. */
		server = from && (!to || t.sport < t.dport);
	}
	if (state == TCP_SYN_SENT) {
		if (c)
			__sync_fetch_and_add(&c->syn_retrans, 1);
		wd_conn_emit(sk, c, WD_ABI_TR_SYN_RETRANS, state, state, 0, false, btf);
		return 0;
	}
	/* Nobody holds it any more: its last data finds no way, but that fails no one here. */
	if (!WD_READ(btf, sk, sk_socket))
		return 0;
	/* Fast retransmissions are ordinary; repeated timeouts are not: 3, 4, 8, 16, ... */
	bpf_core_read(&n, sizeof(n), &icsk->icsk_retransmits);
	if (n < 3 || (n != 3 && (n & (n - 1))))
		return 0;
	wd_conn_emit(sk, c, WD_ABI_TR_STALL, state, state, WD_READ(btf, skb, len), server, btf);
	return 0;
}

SEC("tp_btf/tcp_retransmit_skb")
int BPF_PROG(wd_retransmit_btf, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_retransmit(sk, skb, true);
}

SEC("raw_tp/tcp_retransmit_skb")
int wd_retransmit_raw(__u64 *ctx)
{
	return wd_on_retransmit((struct sock *)ctx[0], (struct sk_buff *)ctx[1], false);
}

/* ---- tcp_retransmit_synack ----------------------------------------------------------- */

static __always_inline int wd_on_synack(struct sock *sk, struct request_sock *req, bool btf)
{
	struct wd_abi_tuple t = {}, in = {};
	struct wd_abi_synack *r;

	/* local -> remote, as a socket would have it */
	wd_sock_remote(&req->__req_common, &t, btf);
	wd_sock_local_addr(&req->__req_common, &t, btf);
	t.sport = WD_READ(btf, req, __req_common.skc_num);
	t.proto = IPPROTO_TCP;
	wd_tuple_reverse(&in, &t);
	if (!wd_target_tuple(&in))
		return 0;
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return 0;
	}
	wd_hdr(&r->hdr, WD_ABI_SYNACK, sizeof(*r));
	r->tuple = in;
	r->netns = wd_sock_netns(sk, btf);
	r->count = WD_READ(btf, req, num_retrans);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(wd_synack_btf, struct sock *sk, struct request_sock *req)
{
	return wd_on_synack(sk, req, true);
}

SEC("raw_tp/tcp_retransmit_synack")
int wd_synack_raw(__u64 *ctx)
{
	return wd_on_synack((struct sock *)ctx[0], (struct request_sock *)ctx[1], false);
}

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

/*
 * Refusals that are not of a target by address: behind DNAT the SYN bears the backend's
 * address, and conntrack forgets the connection with the RST, so nobody could tell later
 * which backend it was. The reader joins them by the client's address and port. Bounded,
 * since a port scan makes as many as it likes.
 */
#define WD_OFF_TARGET_RESETS 256 /* a second and CPU */

static __always_inline bool wd_off_target_reset_allowed(void)
{
	__u64 window = bpf_ktime_get_ns() >> 30;
	struct wd_limit *l;
	__u32 zero = 0;

	l = bpf_map_lookup_elem(&wd_reset_limit, &zero);
	if (!l)
		return false;
	if (l->window != window) {
		l->window = window;
		l->count = 0;
	}
	return l->count++ < WD_OFF_TARGET_RESETS;
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
	if (!wd_target_tuple(&in) && !(no_socket && wd_off_target_reset_allowed()))
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
