/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * This node answers a packet with an ICMP error: whose refusal it was, and where. The kernel
 * may still keep the answer back (rate limit), so that it is "about to send".
 */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include "conn.bpf.h"
#include "packet.bpf.h"
#include "target.bpf.h"

char LICENSE[] SEC("license") __weak = "Dual BSD/GPL";

/* The namespace in which the answer is made: that of the packet's device, or of the socket
 * whose own packet is refused before it had one. */
static __always_inline __u32 wd_skb_netns(struct sk_buff *skb, bool btf)
{
	struct net_device *dev = WD_READ(btf, skb, dev);
	struct dst_entry *dst;
	struct net *net;

	if ((long)dev >= 0) {
		dst = (struct dst_entry *)(WD_READ(btf, skb, _skb_refdst) & ~1ul);
		dev = dst ? BPF_CORE_READ(dst, dev) : NULL;
	}
	if (!dev)
		return 0;
	net = BPF_CORE_READ(dev, nd_net.net);
	return net ? BPF_CORE_READ(net, ns.inum) : 0;
}

static __always_inline int wd_on_icmp(struct sk_buff *skb, int type, int code, __u32 info, bool v6,
                                      bool btf)
{
	struct wd_abi_tuple orig = {}, reply = {};
	struct wd_abi_icmp *r;
	struct wd_packet p;

	if (!skb || !wd_icmp_is_error(v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP, (__u8)type))
		return 0;
	if (wd_parse_skb(skb, &p, btf) != WD_PARSE_OK || p.icmp_error)
		return 0;
	if (!wd_skb_ct(skb, &orig, &reply, btf))
		orig.proto = 0;
	if (!wd_target_tuple(&p.tuple) && !(orig.proto && wd_target_tuple(&orig)))
		return 0;
	if (!wd_within_limit(WD_LIMIT_ICMP)) {
		wd_count(WD_STAT_LIMITED);
		return 0;
	}
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r) {
		wd_count(WD_STAT_CONN_LOST_RING);
		return 0;
	}
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_ICMP, sizeof(*r));
	r->tuple = p.tuple;
	r->ct_orig = orig;
	r->netns = wd_skb_netns(skb, btf);
	r->type = (__u8)type;
	r->code = (__u8)code;
	r->info = info;
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	wd_count(WD_STAT_CONN_DELIVERED);
	return 0;
}

/* ---- IPv4: __icmp_send() (net/ipv4/icmp.c), and its tracepoint since 6.11 ------------------ */

SEC("fentry/__icmp_send")
int BPF_PROG(wd_icmp_fentry, struct sk_buff *skb, int type, int code, __be32 info)
{
	return wd_on_icmp(skb, type, code, bpf_ntohl(info), false, true);
}

SEC("tp_btf/icmp_send")
int BPF_PROG(wd_icmp_btf, struct sk_buff *skb, int type, int code)
{
	return wd_on_icmp(skb, type, code, 0, false, true);
}

SEC("raw_tp/icmp_send")
int wd_icmp_raw(__u64 *ctx)
{
	return wd_on_icmp((struct sk_buff *)ctx[0], (int)ctx[1], (int)ctx[2], 0, false, false);
}

SEC("kprobe/__icmp_send")
int BPF_KPROBE(wd_icmp_kprobe, struct sk_buff *skb, int type, int code, __be32 info)
{
	return wd_on_icmp(skb, type, code, bpf_ntohl(info), false, false);
}

SEC("tracepoint/icmp/icmp_send")
int wd_icmp_tp(struct trace_event_raw_icmp_send *ctx)
{
	return wd_on_icmp((struct sk_buff *)ctx->skbaddr, ctx->type, ctx->code, 0, false, false);
}

/* ---- IPv6: icmp6_send() (net/ipv6/icmp.c) --------------------------------------------------- */

SEC("fentry/icmp6_send")
int BPF_PROG(wd_icmp6_fentry, struct sk_buff *skb, __u8 type, __u8 code, __u32 info)
{
	return wd_on_icmp(skb, type, code, info, true, true);
}

SEC("kprobe/icmp6_send")
int BPF_KPROBE(wd_icmp6_kprobe, struct sk_buff *skb, __u8 type, __u8 code, __u32 info)
{
	return wd_on_icmp(skb, type, code, info, true, false);
}
