/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Dropped packets: kfree_skb.
 *
 * Forwarded packets have no socket and local ones no input device: neither is a
 * filter here. The first drop of its kind becomes a record, repeats only a count.
 * The task that runs is whoever happened to run softirq, so it is never looked at.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "packet.bpf.h"
#include "snap.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* include/uapi/linux/if.h, include/linux/netdevice.h */
#define IFF_LOOPBACK    0x8
#define IFF_BRIDGE_PORT 0x200

/* No IP header yet (ip_queue_xmit found no route): the socket knows the tuple. */
static __always_inline bool wd_tuple_from_sock(struct sock *sk, struct wd_packet *p, bool btf)
{
	__u8 state;
	__u16 proto;

	if (!sk)
		return false;
	state = WD_READ(btf, sk, __sk_common.skc_state);
	if (state == TCP_TIME_WAIT || state == TCP_NEW_SYN_RECV || !wd_is_inet(sk, btf))
		return false;
	proto = WD_READ(btf, sk, sk_protocol);
	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return false;
	wd_sock_tuple(sk, &p->tuple, btf);
	if (proto == IPPROTO_TCP && state == TCP_SYN_SENT)
		p->tcp_flags = 2;
	return p->tuple.dport != 0;
}

static __always_inline struct net_device *wd_skb_dev(struct sk_buff *skb, bool btf)
{
	struct net_device *dev = WD_READ(btf, skb, dev);

	/* dev shares its place with UDP's dev_scratch: only kernel addresses are pointers */
	return (long)dev < 0 ? dev : NULL;
}

static __always_inline bool wd_drop_is_target(struct sk_buff *skb, struct wd_packet *p, bool btf)
{
	struct wd_abi_tuple orig = {}, reply = {};

	if (wd_target_tuple(&p->tuple))
		return true;
	/* after DNAT the packet no longer bears the address that the client dialled */
	return wd_skb_ct(skb, &orig, &reply, btf) && wd_target(orig.daddr, orig.dport, orig.proto);
}

/* 0: sent; 1: it was counted as a repeat after all; -1: no room in the ring. */
static __always_inline int wd_drop_record(struct sk_buff *skb, struct sock *sk,
                                          const struct wd_abi_drop_key *key, __u16 len,
                                          struct net_device *dev, bool btf)
{
	struct wd_abi_drop_count first = {.count = 1}, *n;
	struct dst_entry *dst;
	struct wd_abi_drop *r;

	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r)
		return -1;
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_DROP, sizeof(*r));
	r->key = *key;
	r->len = len;
	r->sock = (__u64)sk;
	r->skb_iif = WD_READ(btf, skb, skb_iif);
	if (!wd_skb_ct(skb, &r->ct_orig, &r->ct_reply, btf))
		r->ct_orig.proto = 0;
	/* the lowest bit says that no reference is held (SKB_DST_NOREF) */
	dst = (struct dst_entry *)(WD_READ(btf, skb, _skb_refdst) & ~1ul);
	if (dev)
		r->loopback = !!(BPF_CORE_READ(dev, flags) & IFF_LOOPBACK);
	if (dst) {
		r->dst_input = (__u64)BPF_CORE_READ(dst, input);
		/* A filter that rejects in the output hook sets loopback as the device of the
		 * packet it answers (nf_send_unreach6); the route knows the real one. */
		if (!dev || (r->loopback && (key->kind & WD_ABI_DROP_LOCAL)))
			dev = BPF_CORE_READ(dst, dev);
	}
	if (dev) {
		r->bridge_port =
			!!(BPF_CORE_READ_BITFIELD_PROBED(dev, priv_flags) & IFF_BRIDGE_PORT);
		bpf_core_read(&r->dev_ifindex, sizeof(r->dev_ifindex), &dev->ifindex);
		bpf_core_read(r->device, sizeof(r->device), &dev->name);
	}
	first.first_ns = r->hdr.ts_ns;
	first.last_ns = r->hdr.ts_ns;
	r->aggregated = !bpf_map_update_elem(&wd_drops, key, &first, BPF_NOEXIST);
	if (!r->aggregated) {
		/* another CPU was first with the same drop: this one is a repeat */
		n = bpf_map_lookup_elem(&wd_drops, key);
		if (n) {
			__sync_fetch_and_add(&n->count, 1);
			bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
			return 1;
		}
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return 0;
}

static __always_inline int wd_on_kfree_skb(struct sk_buff *skb, __u64 location, __u32 reason,
                                           bool btf)
{
	__u32 slot = reason < WD_REASON_SLOTS ? reason : WD_REASON_SLOTS - 1;
	struct wd_abi_reason_stat *st;
	struct wd_abi_drop_count *n;
	struct wd_abi_drop_key key;
	struct net_device *dev;
	struct wd_packet p;
	struct sock *sk;
	enum wd_parse parsed;
	int recorded;

	st = bpf_map_lookup_elem(&wd_reason_stats, &slot);
	if (!st)
		return 0;
	__sync_fetch_and_add(&st->hits, 1);
	if (wd_reason_ignored[slot & (WD_REASON_SLOTS - 1)])
		goto filtered;

	sk = WD_READ(btf, skb, sk);
	parsed = wd_parse_skb(skb, &p, btf);
	if (parsed == WD_PARSE_ERROR)
		wd_count(WD_STAT_READ_ERROR);
	if (parsed == WD_PARSE_NOT_IP) {
		if (!wd_tuple_from_sock(sk, &p, btf))
			goto filtered;
	} else if (parsed != WD_PARSE_OK) {
		goto filtered;
	}
	if (wd_is_multicast(p.tuple.daddr))
		goto filtered;
	if (!wd_drop_is_target(skb, &p, btf))
		goto filtered;

	__builtin_memset(&key, 0, sizeof(key));
	key.tuple = p.tuple;
	key.location = location;
	key.reason = reason;
	key.tcp_flags = p.tcp_flags & 0x17; /* FIN, SYN, RST, ACK; PSH makes no difference */
	key.icmp_type = p.icmp_type;
	key.icmp_code = p.icmp_code;
	if (!WD_READ(btf, skb, skb_iif))
		key.kind |= WD_ABI_DROP_LOCAL;
	if (p.icmp_error)
		key.kind |= WD_ABI_DROP_ICMP;
	dev = parsed == WD_PARSE_OK ? wd_skb_dev(skb, btf) : NULL;
	if (dev) {
		struct net *net = WD_READ(btf, dev, nd_net.net);

		key.ifindex = WD_READ(btf, dev, ifindex);
		key.netns = net ? WD_READ(btf, net, ns.inum) : 0;
	} else if (sk) {
		key.netns = wd_sock_netns(sk, btf);
	}

	n = bpf_map_lookup_elem(&wd_drops, &key);
	if (wd_snap && parsed == WD_PARSE_OK && (!n || n->count < WD_SNAP_REPEATS))
		wd_snap_skb(skb, &key, dev, btf);
	if (n) {
		__sync_fetch_and_add(&n->count, 1);
		n->last_ns = bpf_ktime_get_ns();
		__sync_fetch_and_add(&st->aggregated, 1);
		return 0;
	}
	recorded = wd_drop_record(skb, sk, &key, p.len, dev, btf);
	if (recorded > 0) {
		__sync_fetch_and_add(&st->aggregated, 1);
		return 0;
	}
	if (recorded < 0) {
		__sync_fetch_and_add(&st->lost_ring, 1);
		wd_count(WD_STAT_DROP_LOST_RING);
		return 0;
	}
	__sync_fetch_and_add(&st->delivered, 1);
	/* A SYN that its own node drops: tell the reader at once whose it is, since its
	 * retransmission may fail without a trace. (The verifier does not trust skb->sk as far
	 * as the record needs where memory may not be read.) */
	if (wd_may_read && sk && p.tuple.proto == IPPROTO_TCP && p.tcp_flags == 2) {
		struct wd_conn *c = wd_conn_get(sk);

		if (c && !(c->flags & WD_ABI_CONN_REPORTED))
			wd_conn_emit(sk, c, WD_ABI_TR_DROP, TCP_SYN_SENT, TCP_SYN_SENT, 0, false,
			             btf);
	}
	return 0;

filtered:
	__sync_fetch_and_add(&st->filtered, 1);
	return 0;
}

SEC("tp_btf/kfree_skb")
int wd_kfree_skb_btf(__u64 *ctx)
{
	return wd_on_kfree_skb((struct sk_buff *)ctx[0], ctx[1],
	                       wd_kfree_has_reason ? (__u32)ctx[2] : WD_REASON_NONE, true);
}

SEC("raw_tp/kfree_skb")
int wd_kfree_skb_raw(__u64 *ctx)
{
	return wd_on_kfree_skb((struct sk_buff *)ctx[0], ctx[1],
	                       wd_kfree_has_reason ? (__u32)ctx[2] : WD_REASON_NONE, false);
}

SEC("tracepoint/skb/kfree_skb")
int wd_kfree_skb_tp(struct trace_event_raw_kfree_skb *ctx)
{
	__u32 reason = WD_REASON_NONE;

	if (bpf_core_field_exists(ctx->reason))
		reason = (__u32)ctx->reason;
	return wd_on_kfree_skb((struct sk_buff *)ctx->skbaddr, (__u64)ctx->location, reason, false);
}
