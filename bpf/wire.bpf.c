/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Packet hooks: what opens, refuses and ends connections of the targets, seen on its way
 * through a device. An object of its own, which is loaded when a device is first watched.
 *
 * They only look. Each verdict is "as if I were not here": TC_ACT_UNSPEC, which is also
 * TCX_NEXT, makes the kernel ask the next program or filter; XDP_PASS goes on to the stack.
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include "target.bpf.h"
#include "wire.bpf.h"

char LICENSE[] SEC("license") = "Dual BSD/GPL";

#define TC_ACT_UNSPEC -1 /* include/uapi/linux/pkt_cls.h */
#define XDP_PASS      2  /* include/uapi/linux/bpf.h */

/* Conntrack's tuples can be read here: needs CAP_PERFMON and the BTF of nf_conntrack. */
const volatile bool wd_wire_ct SEC(".rodata") = false;
/* Headers are wanted too (--pcap). */
const volatile bool wd_wire_snap SEC(".rodata") = false;
/* The owner's network namespace, and so that of every device. */
const volatile __u32 wd_wire_netns SEC(".rodata") = 0;

/* When the owner was last heard of (CLOCK_MONOTONIC). */
volatile __u64 wd_wire_heartbeat = 0;
/* There is something in these maps: else they are not looked at. */
volatile __u32 wd_wire_has_watched = 0, wd_wire_has_flows = 0;

/* Tuples, in both directions, that the owner asked for. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct wd_abi_tuple);
	__type(value, __u8);
} wd_wire_watched SEC(".maps");

struct wd_wire_flow {
	struct wd_abi_tuple orig, reply;
};

/* What NAT makes of connections of the targets, by the tuple that the answer will bear: an
 * answer passes its first device before conntrack knows it again. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 8192);
	__type(key, struct wd_abi_tuple);
	__type(value, struct wd_wire_flow);
} wd_wire_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wd_wire_count);
} wd_wire_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wd_limit);
} wd_wire_limit SEC(".maps");

/* ---- is it of a target? ------------------------------------------------------------ */

static __always_inline bool wd_wire_same(const struct wd_abi_tuple *a, const struct wd_abi_tuple *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;
	__u64 differ = 0;

	/* 40 bytes, all of them set */
	for (int i = 0; i < 5; i++)
		differ |= x[i] ^ y[i];
	return !differ;
}

/* How conntrack's tuples were found. */
enum wd_wire_via {
	WD_WIRE_UNTRACKED,
	WD_WIRE_TRACKED, /* they came with the packet */
	WD_WIRE_ANSWER,  /* they came with the packet that this one answers */
};

static __always_inline enum wd_wire_via wd_wire_flow_of(void *ctx, const struct wd_wire *w,
                                                        struct wd_wire_flow *f, bool xdp)
{
	const struct wd_wire_flow *known;
	struct wd_abi_tuple answer;

	if (!xdp && wd_wire_ct && wd_skb_ct(ctx, &f->orig, &f->reply, false))
		return WD_WIRE_TRACKED;
	__builtin_memset(f, 0, sizeof(*f));
	if (!wd_wire_has_flows)
		return WD_WIRE_UNTRACKED;
	/* an ICMP error quotes what went out */
	if (w->flags & WD_ABI_PACKET_ICMP)
		wd_tuple_reverse(&answer, &w->tuple);
	else
		answer = w->tuple;
	known = bpf_map_lookup_elem(&wd_wire_flows, &answer);
	if (!known)
		return WD_WIRE_UNTRACKED;
	*f = *known;
	return WD_WIRE_ANSWER;
}

static __always_inline bool wd_wire_is_ours(const struct wd_wire *w, const struct wd_wire_flow *f,
                                            enum wd_wire_via via)
{
	if (wd_target_tuple(&w->tuple))
		return true;
	if (via != WD_WIRE_UNTRACKED && wd_target_tuple(&f->orig))
		return true;
	return wd_wire_has_watched && bpf_map_lookup_elem(&wd_wire_watched, &w->tuple);
}

/* Remembers under which tuple the answer of a translated packet will come back. 0 when that
 * is done, or not needed. */
static __always_inline long wd_wire_remember(const struct wd_wire *w, const struct wd_wire_flow *f)
{
	const struct wd_wire_flow *known;
	struct wd_abi_tuple answer;

	if (wd_wire_same(&w->tuple, &f->orig) || (w->flags & WD_ABI_PACKET_ICMP))
		return 0;
	wd_tuple_reverse(&answer, &w->tuple);
	/* an answer whose translation is already undone */
	if (wd_wire_same(&answer, &f->orig))
		return 0;
	known = wd_wire_has_flows ? bpf_map_lookup_elem(&wd_wire_flows, &answer) : NULL;
	if (known && wd_wire_same(&known->orig, &f->orig))
		return 0;
	wd_wire_has_flows = 1;
	return bpf_map_update_elem(&wd_wire_flows, &answer, f, BPF_ANY);
}

/* A connection of somebody else has come to use a tuple that was one of ours. */
static __always_inline void wd_wire_forget(const struct wd_wire *w)
{
	struct wd_abi_tuple answer;

	wd_tuple_reverse(&answer, &w->tuple);
	bpf_map_delete_elem(&wd_wire_flows, &answer);
}

/* ---- records ------------------------------------------------------------------------ */

static __always_inline bool wd_wire_allowed(__u64 now)
{
	__u64 window = now >> 30;
	struct wd_limit *l;
	__u32 zero = 0;

	l = bpf_map_lookup_elem(&wd_wire_limit, &zero);
	if (!l)
		return false;
	if (l->window != window) {
		l->window = window;
		l->count = 0;
	}
	return l->count++ < WD_WIRE_RATE;
}

static __always_inline void wd_wire_stamp(struct wd_abi_hdr *h, __u16 type, __u32 size, __u64 now)
{
	h->abi = WD_ABI;
	h->type = type;
	h->size = size;
	h->ts_ns = now;
}

static __always_inline bool wd_wire_packet(const struct wd_wire *w, const struct wd_wire_flow *f,
                                           __u32 ifindex, __u8 sight, __u64 now)
{
	struct wd_abi_packet *r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);

	if (!r)
		return false;
	wd_wire_stamp(&r->hdr, WD_ABI_PACKET, sizeof(*r), now);
	r->tuple = w->tuple;
	r->ct_orig = f->orig;
	r->ct_reply = f->reply;
	__builtin_memcpy(r->icmp_from, w->icmp_from, sizeof(r->icmp_from));
	r->ifindex = ifindex;
	r->seq = w->seq;
	r->ack = w->ack;
	r->len = w->len < 0xffff ? w->len : 0xffff;
	r->dns_id = w->dns_id;
	r->dns_flags = w->dns_flags;
	r->sight = sight;
	r->flags = w->flags;
	r->tcp_flags = w->tcp_flags;
	r->ttl = w->ttl;
	r->icmp_type = w->icmp_type;
	r->icmp_code = w->icmp_code;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

_Static_assert((WD_SNAP_LEN & (WD_SNAP_LEN - 1)) == 0, "a mask");

/* n bytes, a multiple of four as all headers are. */
static __always_inline void wd_wire_copy(struct xdp_md *frame, __u32 off, __u8 *to, __u32 n)
{
	for (__u32 i = 0; i < WD_SNAP_LEN / 4; i++) {
		if (i * 4 >= n)
			break;
		((__u32 *)to)[i] = wd_wire_word(frame, off + i * 4);
	}
}

static __always_inline bool wd_wire_headers(void *ctx, const struct wd_wire *w,
                                            const struct wd_wire_flow *f, __u32 ifindex, __u8 sight,
                                            __u64 now, bool xdp)
{
	struct wd_abi_snap *r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	__u32 n = w->caplen < WD_SNAP_LEN ? w->caplen : WD_SNAP_LEN;

	if (!r)
		return false;
	/* 1 to WD_SNAP_LEN, in words that the verifier of 5.10 understands */
	n = ((n - 1) & (WD_SNAP_LEN - 1)) + 1;
	__builtin_memset(r, 0, sizeof(*r));
	wd_wire_stamp(&r->hdr, WD_ABI_SNAP, sizeof(*r), now);
	r->tuple = w->tuple;
	r->ct_orig = f->orig;
	r->ifindex = ifindex;
	r->netns = wd_wire_netns;
	r->reason = WD_REASON_NONE;
	r->len = w->len;
	r->caplen = n;
	r->sight = sight;
	if (xdp)
		wd_wire_copy(ctx, w->net, r->data, n);
	else if (bpf_skb_load_bytes(ctx, w->net, r->data, n))
		r->caplen = 0;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return true;
}

/* DNS and ends of connections are for a capture only: no answer needs them, and a node's DNS
 * alone would fill the limit and make every absence doubtful. */
static __always_inline bool wd_wire_is_minor(const struct wd_wire *w)
{
	return w->flags & WD_ABI_PACKET_DNS ||
	       (w->tcp_flags & 1 && !(w->tcp_flags & 6)); /* FIN without SYN and RST */
}

static __always_inline void wd_wire_look(void *ctx, __u32 ifindex, __u8 sight, bool xdp)
{
	struct wd_wire_flow f;
	struct wd_wire_count *c;
	struct wd_wire *w;
	enum wd_wire_via via;
	__u32 zero = 0;
	bool awake;
	__u64 now;

	if (!(xdp ? wd_wire_parse_frame(ctx) : wd_wire_parse_skb(ctx)))
		return;
	w = wd_wire_here();
	if (!w || (!wd_wire_snap && wd_wire_is_minor(w)))
		return;
	via = wd_wire_flow_of(ctx, w, &f, xdp);
	if (!wd_wire_is_ours(w, &f, via)) {
		if (via == WD_WIRE_TRACKED && wd_wire_has_flows)
			wd_wire_forget(w);
		return;
	}
	c = bpf_map_lookup_elem(&wd_wire_counts, &zero);
	if (!c)
		return;
	c->seen++;
	now = bpf_ktime_get_ns();
	awake = now - wd_wire_heartbeat < WD_WIRE_SILENCE_NS || now < wd_wire_heartbeat;
	if (awake && via == WD_WIRE_TRACKED && wd_wire_remember(w, &f))
		c->lost++; /* its answers will not be met */
	if (awake && wd_wire_allowed(now) && wd_wire_packet(w, &f, ifindex, sight, now))
		c->delivered++;
	else
		c->lost++;
	if (!wd_wire_snap)
		return;
	if (awake && wd_wire_allowed(now) && wd_wire_headers(ctx, w, &f, ifindex, sight, now, xdp))
		c->delivered++;
	else
		c->lost++;
}

/* Apart from the glance, whose code is then short and needs no stack. */
static __noinline int wd_wire_skb(struct __sk_buff *skb, __u32 sight)
{
	wd_wire_look(skb, skb->ifindex, sight, false);
	return TC_ACT_UNSPEC;
}

static __noinline int wd_wire_frame(struct xdp_md *frame)
{
	wd_wire_look(frame, frame->ingress_ifindex, WD_ABI_SIGHT_XDP, true);
	return XDP_PASS;
}

/* ---- entry points --------------------------------------------------------------------- */

SEC("tc")
int wd_wire_in(struct __sk_buff *skb)
{
	if (!wd_wire_glance((const __u8 *)(long)skb->data, (const __u8 *)(long)skb->data_end))
		return TC_ACT_UNSPEC;
	return wd_wire_skb(skb, WD_ABI_SIGHT_IN);
}

SEC("tc")
int wd_wire_out(struct __sk_buff *skb)
{
	if (!wd_wire_glance((const __u8 *)(long)skb->data, (const __u8 *)(long)skb->data_end))
		return TC_ACT_UNSPEC;
	return wd_wire_skb(skb, WD_ABI_SIGHT_OUT);
}

SEC("xdp")
int wd_wire_xdp(struct xdp_md *frame)
{
	if (!wd_wire_glance((const __u8 *)(long)frame->data, (const __u8 *)(long)frame->data_end))
		return XDP_PASS;
	return wd_wire_frame(frame);
}
