/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The headers of a dropped packet, for --pcap: network and transport header, and of what
 * an ICMP error quotes the network header and 8 bytes (RFC 792: the ports and no payload
 * of TCP or UDP). Lengths are computed before anything is copied, so that no byte of
 * payload ever leaves the kernel.
 *
 * Only for drops of a target, whose headers wd_parse_skb() has understood. A storm must not
 * push other records out: of each kind of drop only the first ones are sent, at most
 * WD_LIMIT_RATE a second and CPU, and none while half of the ring is waiting to be read.
 */
#ifndef WD_SNAP_BPF_H
#define WD_SNAP_BPF_H

#include "conn.bpf.h"
#include "maps.bpf.h"
#include "packet.bpf.h"
#include "read.bpf.h"

/* As many as the reader keeps of a connection (user/output/capture.h). */
#define WD_SNAP_REPEATS 16

/* include/uapi/linux/bpf.h: flags of bpf_ringbuf_query() */
#define WD_RB_AVAIL_DATA 0
#define WD_RB_RING_SIZE  1

/* Bytes of headers at `at`; 0: nothing to store. *len: what the IP header says. */
static __always_inline __u64 wd_snap_headers(const unsigned char *at, const unsigned char *end,
                                             bool v6, __u32 *len)
{
	const unsigned char *transport = NULL, *quoted;
	struct wd_packet p = {};
	__u8 offset = 0;

	if (wd_parse_ip(at, v6, &p, &transport) != WD_PARSE_OK)
		return 0;
	*len = p.len;
	if (p.tuple.proto == IPPROTO_TCP) {
		bpf_probe_read_kernel(&offset, sizeof(offset), transport + 12);
		offset >>= 4;
		transport += (offset < 5 ? 5 : offset) * 4;
	} else {
		transport += 8; /* UDP, ICMP */
	}
	if (p.tuple.proto == IPPROTO_ICMP || p.tuple.proto == IPPROTO_ICMPV6) {
		quoted = transport;
		if (wd_parse_ip(quoted, v6, &p, &transport) == WD_PARSE_OK)
			transport += 8;
		else
			transport = quoted;
	}
	if (transport > end)
		transport = end;
	return transport > at ? transport - at : 0;
}

static __always_inline void wd_snap_skb(struct sk_buff *skb, const struct wd_abi_drop_key *key,
                                        struct net_device *dev, bool btf)
{
	const unsigned char *head = WD_READ(btf, skb, head);
	const unsigned char *at = head + WD_READ(btf, skb, network_header);
	const unsigned char *end = head + WD_READ(btf, skb, tail);
	bool v6 = WD_READ(btf, skb, protocol) == bpf_htons(ETH_P_IPV6);
	struct wd_abi_tuple reply;
	struct dst_entry *dst;
	struct wd_abi_snap *r;
	__u32 len = 0;
	__u64 n;

	n = wd_snap_headers(at, end, v6, &len);
	if (!n)
		return;
	if (bpf_ringbuf_query(&wd_ring, WD_RB_AVAIL_DATA) * 2 >
	    bpf_ringbuf_query(&wd_ring, WD_RB_RING_SIZE))
		goto lost;
	if (!wd_within_limit(WD_LIMIT_SNAP))
		goto lost;
	r = bpf_ringbuf_reserve(&wd_ring, sizeof(*r), 0);
	if (!r)
		goto lost;
	__builtin_memset(r, 0, sizeof(*r));
	wd_hdr(&r->hdr, WD_ABI_SNAP, sizeof(*r));
	r->tuple = key->tuple;
	r->location = key->location;
	r->reason = key->reason;
	r->ifindex = key->ifindex;
	r->netns = key->netns;
	r->sight = WD_ABI_SIGHT_DROP;
	r->len = len;
	if (!wd_skb_ct(skb, &r->ct_orig, &reply, btf))
		r->ct_orig.proto = 0;
	/* not yet on a device: where its route leads (SKB_DST_NOREF: the lowest bit) */
	dst = (struct dst_entry *)(WD_READ(btf, skb, _skb_refdst) & ~1ul);
	if (!dev && dst)
		dev = BPF_CORE_READ(dst, dev);
	if (dev) {
		bpf_core_read(r->device, sizeof(r->device), &dev->name);
		bpf_core_read(&r->ifindex, sizeof(r->ifindex), &dev->ifindex);
	}
	/* in one register from the check to the use: kernels before 5.15 lose track otherwise */
	asm volatile("" : "+r"(n));
	if (n > WD_SNAP_LEN)
		n = WD_SNAP_LEN;
	r->caplen = n;
	if (bpf_probe_read_kernel(r->data, n, at)) {
		bpf_ringbuf_discard(r, BPF_RB_NO_WAKEUP);
		goto lost;
	}
	bpf_ringbuf_submit(r, BPF_RB_NO_WAKEUP);
	return;
lost:
	wd_count(WD_STAT_SNAP_LOST);
}

#endif
