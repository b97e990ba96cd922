/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The life of TCP connections: connect, answer, retries, end.
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

/* Back to CLOSE before tcp_connect: no SYN was ever sent. Still in the task that asked. */
static __always_inline void wd_connect_gave_up(struct sock *sk, int new_state, bool btf)
{
	struct wd_conn c = {.syn_retrans = -1};

	if (new_state != TCP_CLOSE)
		return;
	wd_owner_current(&c.owner, wd_sock_netns(sk, btf));
	c.start_ns = bpf_ktime_get_ns();
	wd_conn_emit(sk, &c, WD_ABI_TR_CLOSED, TCP_SYN_SENT, TCP_CLOSE, 0, false, btf);
}

static __always_inline void wd_connect_ends(struct sock *sk, int new_state, bool btf)
{
	struct wd_conn *c = wd_conn_get(sk);

	if (!c) {
		struct wd_abi_tuple t = {};
		__u32 segs_out = 1;

		wd_sock_remote(&sk->__sk_common, &t, btf);
		if (!wd_target(t.daddr, t.dport, IPPROTO_TCP))
			return;
		if (wd_have_tcp_connect)
			WD_TCP_READ(btf, &segs_out, sk, segs_out);
		if (!segs_out) {
			wd_connect_gave_up(sk, new_state, btf);
			return;
		}
		/* connect began before us, or the table forgot it */
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
		if (!wd_have_tcp_connect && WD_READ(btf, sk, sk_protocol) == IPPROTO_TCP)
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

SEC("kprobe/tcp_set_state")
int BPF_KPROBE(wd_set_state_kprobe, struct sock *sk, int state)
{
	return wd_on_set_state(sk, WD_READ(false, sk, __sk_common.skc_state), state, false);
}

SEC("tracepoint/sock/inet_sock_set_state")
int wd_set_state_tp(struct trace_event_raw_inet_sock_set_state *ctx)
{
	return wd_on_set_state((struct sock *)ctx->skaddr, ctx->oldstate, ctx->newstate, false);
}

/* ---- tcp_connect ----------------------------------------------------------------- */

/* The SYN is about to be sent: source address and port are chosen, and the task is the one
 * that sends it, also where Fast Open put it off until the first data. */
SEC("fentry/tcp_connect")
int BPF_PROG(wd_tcp_connect_fentry, struct sock *sk)
{
	wd_connect_begins(sk, true);
	return 0;
}

SEC("kprobe/tcp_connect")
int BPF_KPROBE(wd_tcp_connect_kprobe, struct sock *sk)
{
	wd_connect_begins(sk, false);
	return 0;
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

SEC("kprobe/tcp_v4_destroy_sock")
int BPF_KPROBE(wd_destroy_kprobe, struct sock *sk)
{
	return wd_on_destroy(sk, false);
}

SEC("tracepoint/tcp/tcp_destroy_sock")
int wd_destroy_tp(struct trace_event_raw_tcp_event_sk *ctx)
{
	return wd_on_destroy((struct sock *)ctx->skaddr, false);
}

/* ---- tcp_retransmit_skb ------------------------------------------------------------ */

static __always_inline int wd_on_retransmit(struct sock *sk, struct sk_buff *skb, bool btf)
{
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
	WD_TCP_READ(btf, &n, sk, inet_conn.icsk_retransmits);
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

SEC("kprobe/tcp_retransmit_skb")
int BPF_KPROBE(wd_retransmit_kprobe, struct sock *sk, struct sk_buff *skb)
{
	return wd_on_retransmit(sk, skb, false);
}

SEC("tracepoint/tcp/tcp_retransmit_skb")
int wd_retransmit_tp(void *ctx)
{
	struct trace_event_raw_tcp_retransmit_skb *own = ctx;
	struct trace_event_raw_tcp_event_sk_skb *shared = ctx;

	if (bpf_core_type_exists(struct trace_event_raw_tcp_retransmit_skb))
		return wd_on_retransmit((struct sock *)own->skaddr, (struct sk_buff *)own->skbaddr,
		                        false);
	return wd_on_retransmit((struct sock *)shared->skaddr, (struct sk_buff *)shared->skbaddr,
	                        false);
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

SEC("kprobe/tcp_rtx_synack")
int BPF_KPROBE(wd_synack_kprobe, struct sock *sk, struct request_sock *req)
{
	return wd_on_synack(sk, req, false);
}

SEC("tracepoint/tcp/tcp_retransmit_synack")
int wd_synack_tp(struct trace_event_raw_tcp_retransmit_synack *ctx)
{
	return wd_on_synack((struct sock *)ctx->skaddr, (struct request_sock *)ctx->req, false);
}
