/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The record of a connection, and who owns it. */
#ifndef WD_CONN_BPF_H
#define WD_CONN_BPF_H

#include "maps.bpf.h"
#include "read.bpf.h"

/* include/net/tcp_states.h */
enum {
	TCP_ESTABLISHED = 1,
	TCP_SYN_SENT = 2,
	TCP_SYN_RECV = 3,
	TCP_TIME_WAIT = 6,
	TCP_CLOSE = 7,
	TCP_LISTEN = 10,
	TCP_NEW_SYN_RECV = 12,
};

static __always_inline void wd_hdr(struct wd_abi_hdr *h, __u16 type, __u32 size)
{
	h->abi = WD_ABI;
	h->type = type;
	h->size = size;
	h->ts_ns = bpf_ktime_get_ns();
}

/* Only in the context of the task that connects. */
static __always_inline void wd_owner_current(struct wd_abi_owner *o, __u32 netns)
{
	o->cgroup = bpf_get_current_cgroup_id();
	o->pid = bpf_get_current_pid_tgid() >> 32;
	o->netns = netns;
	bpf_get_current_comm(o->comm, sizeof(o->comm));
}

static __always_inline __u64 wd_conn_key(const struct sock *sk)
{
	return (__u64)sk;
}

static __always_inline struct wd_conn *wd_conn_get(const struct sock *sk)
{
	__u64 key = wd_conn_key(sk);

	return bpf_map_lookup_elem(&wd_conns, &key);
}

/* The socket's own account of a connection; c may be NULL (not tracked). server: it is the
 * accepting side. */
static __always_inline int wd_conn_emit(struct sock *sk, struct wd_conn *c, __u32 trigger,
                                        __u8 old_state, __u8 new_state, __u32 seg_len, bool server,
                                        bool btf)
{
	struct wd_abi_conn *r;
	__u8 retransmits = 0;

	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return -1;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_CONN, sizeof(*r));
	wd_sock_tuple(sk, &r->tuple, btf);
	if (btf && !wd_may_read && !r->tuple.sport) {
		__be16 sport = 0;

		WD_TCP_READ(btf, &sport, sk, inet_conn.icsk_inet.inet_sport);
		r->tuple.sport = bpf_ntohs(sport);
	}
	r->sock = wd_conn_key(sk);
	r->trigger = trigger;
	r->rst_reason = -1;
	r->err = WD_READ(btf, sk, sk_err);
	r->old_state = old_state;
	r->new_state = new_state;
	r->seg_len = seg_len;
	WD_TCP_READ(btf, &retransmits, sk, inet_conn.icsk_retransmits);
	r->retransmits = retransmits;
	WD_TCP_READ(btf, &r->pmtu, sk, inet_conn.icsk_pmtu_cookie);
	WD_TCP_READ(btf, &r->mss, sk, mss_cache);
	WD_TCP_READ(btf, &r->bytes_acked, sk, bytes_acked);
	WD_TCP_READ(btf, &r->bytes_received, sk, bytes_received);
	if (c) {
		c->flags |= WD_ABI_CONN_REPORTED;
		r->owner = c->owner;
		r->start_ns = c->start_ns;
		r->flags = c->flags;
		r->syn_sent = c->syn_retrans + 1;
		if (!r->err)
			r->err = c->err;
	}
	/* nobody has fetched it yet */
	if (!r->err && old_state == TCP_SYN_SENT && new_state == TCP_CLOSE)
		r->err = WD_READ(btf, sk, sk_err_soft);
	if (server)
		r->flags |= WD_ABI_CONN_SERVER;
	if (!r->owner.netns)
		r->owner.netns = wd_sock_netns(sk, btf);
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
	return 0;
}

#endif
