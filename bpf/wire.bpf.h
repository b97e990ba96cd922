/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From a frame at a packet hook to a five-tuple and what a record tells of it.
 *
 * Frames are somebody else's and may be anything: every read is bounded by the frame, every
 * length that a header claims by the length of the layer around it; what does not fit is not
 * ours. Nothing is written and nothing pulled in: bpf_skb_load_bytes() finds headers outside
 * the linear part too. Formats: IPv4 (RFC 791), IPv6 and its extension headers (RFC 8200),
 * 802.1Q tags, TCP (RFC 9293), UDP (RFC 768), ICMP errors (RFC 792, RFC 4443), of DNS the
 * first two words (RFC 1035, 4.1.1).
 */
#ifndef WD_WIRE_BPF_H
#define WD_WIRE_BPF_H

#include "packet.bpf.h"
#include "wire.h"

#define ETH_HLEN     14
#define ETH_P_8021Q  0x8100
#define ETH_P_8021AD 0x88a8

/* FIN, SYN, RST */
#define WD_WIRE_TCP_FLAGS 7
#define WD_WIRE_DNS_PORT  53
/* No header of ours begins farther into a frame. */
#define WD_WIRE_REACH 512

/* The device has no link-layer header: frames begin with IPv4 or IPv6. */
const volatile bool wd_wire_bare SEC(".rodata") = false;

/* What was found. In a map of one per CPU and not on the stack, so that the functions below
 * can be apart from one another: the verifier then looks at each once, not at every way
 * through all of them. Hooks do not interrupt one another on a CPU. */
struct wd_wire {
	struct wd_abi_tuple tuple;
	__u8 icmp_from[16];
	__u32 seq, ack;
	__u32 len;    /* of the network layer */
	__u32 net;    /* where its header begins */
	__u32 caplen; /* network and transport headers */
	__u16 dns_id, dns_flags;
	__u8 flags; /* WD_ABI_PACKET_* */
	__u8 tcp_flags;
	__u8 ttl;
	__u8 icmp_type, icmp_code;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct wd_wire);
} wd_wire_now SEC(".maps");

struct wd_wire_tcp {
	__be16 sport, dport;
	__be32 seq, ack;
	__u8 offset, flags;
	__be16 window;
};

static __always_inline struct wd_wire *wd_wire_here(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&wd_wire_now, &zero);
}

/* ---- reading ------------------------------------------------------------------------ */

/* Four bytes at `off` of an XDP frame, or -1. There is no helper for that before 5.18. */
__weak __noinline long wd_wire_word(struct xdp_md *frame, __u32 off)
{
	const __u8 *at = (const __u8 *)(long)frame->data;
	const __u8 *end = (const __u8 *)(long)frame->data_end;

	if (off > WD_WIRE_REACH)
		return -1;
	at += off;
	if (at + 4 > end)
		return -1;
	return *(const __u32 *)at;
}

/* n bytes, a multiple of four, at `off` of the frame; 0 when they are there. */
static __always_inline long wd_wire_read(void *ctx, __u32 off, void *to, __u32 n, bool xdp)
{
	if (!xdp)
		return bpf_skb_load_bytes(ctx, off, to, n);
#pragma unroll
	for (__u32 i = 0; i < n / 4; i++) {
		long word = wd_wire_word(ctx, off + i * 4);

		if (word < 0)
			return -1;
		((__u32 *)to)[i] = word;
	}
	return 0;
}

static __always_inline __u32 wd_wire_length(void *ctx, bool xdp)
{
	const struct __sk_buff *skb = ctx;
	const struct xdp_md *frame = ctx;
	__u64 n;

	if (!xdp)
		return skb->len;
	n = (const __u8 *)(long)frame->data_end - (const __u8 *)(long)frame->data;
	/* in 64 bits: halves of packet pointers are nothing that the verifier knows */
	asm volatile("" : "+r"(n));
	return n;
}

/* ---- link layer --------------------------------------------------------------------- */

static __always_inline bool wd_wire_is_tag(__u16 type)
{
	return type == ETH_P_8021Q || type == ETH_P_8021AD;
}

/* EtherType of what the frame carries, behind at most two tags; 0 when it is not IP. A tag
 * that the device or the kernel took out of the frame already (vlan_tci) is not in the way. */
static __always_inline __u16 wd_wire_network(void *ctx, struct wd_wire *w, bool xdp)
{
	const struct __sk_buff *skb = ctx;
	__u32 off = ETH_HLEN - 2;
	__u16 type = 0;
	__be16 h[2]; /* EtherType, and what follows */

	if (wd_wire_bare) {
		__u8 version;

		if (wd_wire_read(ctx, 0, h, sizeof(h), xdp))
			return 0;
		version = *(__u8 *)h >> 4;
		type = version == 4 ? ETH_P_IP : version == 6 ? ETH_P_IPV6 : 0;
		w->net = 0;
		return xdp || skb->protocol == bpf_htons(type) ? type : 0;
	}
#pragma unroll
	for (int tags = 0; tags < 3; tags++) {
		if (wd_wire_read(ctx, off, h, sizeof(h), xdp))
			return 0;
		type = bpf_ntohs(h[0]);
		off += 2;
		if (!wd_wire_is_tag(type))
			break;
		off += 2;
	}
	w->net = off;
	return type == ETH_P_IP || type == ETH_P_IPV6 ? type : 0;
}

/* ---- network layer ------------------------------------------------------------------ */

/* Each returns where the transport header begins, 0 when there is none for us. */
static __always_inline __u32 wd_wire_ip4(void *ctx, __u32 off, struct wd_wire *w, bool xdp)
{
	struct wd_ip4 h;

	if (wd_wire_read(ctx, off, &h, sizeof(h), xdp))
		return 0;
	if (h.vihl >> 4 != 4 || (h.vihl & 15) < 5)
		return 0;
	if (h.frag & bpf_htons(0x1fff)) /* a later fragment has no ports */
		return 0;
	wd_addr_v4(w->tuple.saddr, h.saddr);
	wd_addr_v4(w->tuple.daddr, h.daddr);
	w->tuple.proto = h.proto;
	w->ttl = h.ttl;
	w->len = bpf_ntohs(h.len);
	return off + (h.vihl & 15) * 4;
}

static __always_inline __u32 wd_wire_ip6(void *ctx, __u32 off, struct wd_wire *w, bool xdp)
{
	__u8 next, ext[4];
	struct wd_ip6 h;

	if (wd_wire_read(ctx, off, &h, sizeof(h), xdp))
		return 0;
	if (*(__u8 *)&h.vcf >> 4 != 6)
		return 0;
	__builtin_memcpy(w->tuple.saddr, h.saddr, 16);
	__builtin_memcpy(w->tuple.daddr, h.daddr, 16);
	w->ttl = h.hops;
	w->len = h.plen ? bpf_ntohs(h.plen) + sizeof(h) : 0;
	next = h.next;
	off += sizeof(h);
#pragma unroll
	for (int i = 0; i < WD_PACKET_EXT_MAX; i++) {
		/* hop-by-hop 0, routing 43, fragment 44, destination options 60 */
		if (next != 0 && next != 43 && next != 44 && next != 60)
			break;
		if (wd_wire_read(ctx, off, ext, sizeof(ext), xdp))
			return 0;
		if (next == 44 && ((ext[2] << 8 | ext[3]) & 0xfff8))
			return 0;
		off += next == 44 ? 8 : ((__u32)ext[1] + 1) * 8;
		next = ext[0];
	}
	w->tuple.proto = next;
	return off;
}

__weak __noinline int wd_wire_ip_skb(struct __sk_buff *skb, __u32 off, __u32 v6)
{
	struct wd_wire *w = wd_wire_here();

	if (!w)
		return 0;
	return v6 ? wd_wire_ip6(skb, off, w, false) : wd_wire_ip4(skb, off, w, false);
}

__weak __noinline int wd_wire_ip_frame(struct xdp_md *frame, __u32 off, __u32 v6)
{
	struct wd_wire *w = wd_wire_here();

	if (!w)
		return 0;
	return v6 ? wd_wire_ip6(frame, off, w, true) : wd_wire_ip4(frame, off, w, true);
}

static __always_inline __u32 wd_wire_ip(void *ctx, __u32 off, bool v6, bool xdp)
{
	return xdp ? wd_wire_ip_frame(ctx, off, v6) : wd_wire_ip_skb(ctx, off, v6);
}

/* ---- transport layer ---------------------------------------------------------------- */

/* In each of these: `room` is what the network layer says there is from `at` on. */
static __always_inline bool wd_wire_tcp(void *ctx, __u32 at, __u32 room, struct wd_wire *w,
                                        bool xdp)
{
	struct wd_wire_tcp h;
	__u32 header;

	if (room < 20 || wd_wire_read(ctx, at, &h, sizeof(h), xdp))
		return false;
	header = (h.offset >> 4) * 4;
	if (header < 20 || header > room)
		return false;
	w->tuple.sport = bpf_ntohs(h.sport);
	w->tuple.dport = bpf_ntohs(h.dport);
	w->seq = bpf_ntohl(h.seq);
	w->ack = bpf_ntohl(h.ack);
	w->tcp_flags = h.flags & 0x3f;
	w->caplen = at - w->net + header;
	return h.flags & WD_WIRE_TCP_FLAGS;
}

static __always_inline bool wd_wire_dns(void *ctx, __u32 at, __u32 room, struct wd_wire *w,
                                        bool xdp)
{
	__be16 h[6]; /* ports, length, checksum, identifier, flags */

	if (room < sizeof(h) || wd_wire_read(ctx, at, h, sizeof(h), xdp))
		return false;
	w->tuple.sport = bpf_ntohs(h[0]);
	w->tuple.dport = bpf_ntohs(h[1]);
	w->dns_id = bpf_ntohs(h[4]);
	w->dns_flags = bpf_ntohs(h[5]);
	w->flags = WD_ABI_PACKET_DNS;
	w->caplen = at - w->net + 8;
	return w->tuple.sport == WD_WIRE_DNS_PORT || w->tuple.dport == WD_WIRE_DNS_PORT;
}

/* The tuple becomes the quoted packet's, with the sequence number that it bore: eight bytes
 * of its transport header are all that must be there (RFC 792). */
static __always_inline bool wd_wire_icmp(void *ctx, __u32 at, __u32 room, bool v6,
                                         struct wd_wire *w, bool xdp)
{
	__u32 len = w->len, inner;
	__u8 ttl = w->ttl, h[4];
	__be16 quoted[4]; /* ports, TCP: sequence number */

	if (room < 8 || wd_wire_read(ctx, at, h, sizeof(h), xdp))
		return false;
	if (!wd_icmp_is_error(w->tuple.proto, h[0]))
		return false;
	w->flags = WD_ABI_PACKET_ICMP;
	w->icmp_type = h[0];
	w->icmp_code = h[1];
	__builtin_memcpy(w->icmp_from, w->tuple.saddr, 16);
	inner = wd_wire_ip(ctx, at + 8, v6, xdp);
	w->len = len;
	w->ttl = ttl;
	if (!inner || inner + sizeof(quoted) > at + room)
		return false;
	if (w->tuple.proto != IPPROTO_TCP && w->tuple.proto != IPPROTO_UDP)
		return false;
	if (wd_wire_read(ctx, inner, quoted, sizeof(quoted), xdp))
		return false;
	w->tuple.sport = bpf_ntohs(quoted[0]);
	w->tuple.dport = bpf_ntohs(quoted[1]);
	if (w->tuple.proto == IPPROTO_TCP)
		w->seq = (__u32)bpf_ntohs(quoted[2]) << 16 | bpf_ntohs(quoted[3]);
	w->caplen = inner - w->net + sizeof(quoted);
	return true;
}

/* True when it opens, refuses or ends a connection, or is DNS. */
static __always_inline bool wd_wire_parse(void *ctx, bool xdp)
{
	struct wd_wire *w = wd_wire_here();
	__u32 at, total, room;
	__u16 type;
	bool v6;

	if (!w)
		return false;
	__builtin_memset(w, 0, sizeof(*w));
	type = wd_wire_network(ctx, w, xdp);
	if (!type)
		return false;
	v6 = type == ETH_P_IPV6;
	at = wd_wire_ip(ctx, w->net, v6, xdp);
	total = wd_wire_length(ctx, xdp);
	/* 0: more than the field can say (jumbogram, GSO beyond 64 KiB) */
	if (!w->len)
		w->len = total - w->net;
	if (!at || w->net + w->len > total || at > w->net + w->len)
		return false;
	room = w->net + w->len - at;
	if (w->tuple.proto == IPPROTO_TCP)
		return wd_wire_tcp(ctx, at, room, w, xdp);
	if (w->tuple.proto == IPPROTO_UDP)
		return wd_wire_dns(ctx, at, room, w, xdp);
	if (w->tuple.proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP))
		return wd_wire_icmp(ctx, at, room, v6, w, xdp);
	return false;
}

__weak __noinline int wd_wire_parse_skb(struct __sk_buff *skb)
{
	return wd_wire_parse(skb, false);
}

__weak __noinline int wd_wire_parse_frame(struct xdp_md *frame)
{
	return wd_wire_parse(frame, true);
}

/* ---- the glance -------------------------------------------------------------------- */

/* Transport header of the usual kind at `at`: may it matter? */
static __always_inline bool wd_wire_may_matter(const __u8 *at, const __u8 *end, __u8 proto)
{
	if (proto == IPPROTO_TCP)
		return at + 14 > end || (at[13] & WD_WIRE_TCP_FLAGS);
	if (proto == IPPROTO_UDP)
		return at + 4 > end || *(const __u16 *)at == bpf_htons(WD_WIRE_DNS_PORT) ||
		       *(const __u16 *)(at + 2) == bpf_htons(WD_WIRE_DNS_PORT);
	if (proto == IPPROTO_ICMP || proto == IPPROTO_ICMPV6)
		return at + 1 > end || wd_icmp_is_error(proto, *at);
	return proto == 0 || proto == 43 || proto == 44 || proto == 60; /* IPv6 extensions */
}

/*
 * Nearly every packet of a node ends here: data, acknowledgements, other protocols. Looks at
 * the linear part of usual headers alone; whatever is not usual may matter, and is parsed.
 */
static __always_inline bool wd_wire_glance(const __u8 *at, const __u8 *end)
{
	__u16 type;

	if (wd_wire_bare) {
		if (at + 20 > end)
			return true;
		type = *at >> 4 == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	} else {
		if (at + ETH_HLEN + 20 > end)
			return true;
		type = *(const __u16 *)(at + ETH_HLEN - 2);
		at += ETH_HLEN;
	}
	if (type == bpf_htons(ETH_P_IP)) {
		if (*at != 0x45)
			return true;
		if (*(const __u16 *)(at + 6) & bpf_htons(0x1fff))
			return false;
		return wd_wire_may_matter(at + 20, end, at[9]);
	}
	if (type == bpf_htons(ETH_P_IPV6))
		return wd_wire_may_matter(at + 40, end, at[6]);
	return wd_wire_is_tag(bpf_ntohs(type));
}

#endif
