/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From an sk_buff to a five-tuple. Reads headers only; payload is never copied.
 * IPv4 (RFC 791), IPv6 with its extension headers (RFC 8200), TCP (RFC 9293),
 * UDP, and the packet quoted by an ICMP error (RFC 792, RFC 4443).
 */
#ifndef WD_PACKET_BPF_H
#define WD_PACKET_BPF_H

#include "maps.bpf.h"
#include "read.bpf.h"

#define WD_PACKET_EXT_MAX 4

struct wd_packet {
	struct wd_abi_tuple tuple;
	__u16 len;
	__u8 tcp_flags;
	bool icmp_error;
	__u8 icmp_type, icmp_code;
};

enum wd_parse {
	WD_PARSE_OK,
	WD_PARSE_NOT_IP,   /* no IP header (yet), or another protocol */
	WD_PARSE_NOT_OURS, /* IP, but without ports: fragment, other transport */
	WD_PARSE_ERROR,    /* could not be read */
};

struct wd_ip4 {
	__u8 vihl, tos;
	__be16 len, id, frag;
	__u8 ttl, proto;
	__u16 sum;
	__be32 saddr, daddr;
};

struct wd_ip6 {
	__be32 vcf;
	__be16 plen;
	__u8 next, hops;
	__u8 saddr[16], daddr[16];
};

/* Network header at `at`; stores addresses and protocol; returns where the transport
 * header starts, 0 when there is none here. */
static __always_inline enum wd_parse
wd_parse_ip(const unsigned char *at, bool v6, struct wd_packet *p, const unsigned char **transport)
{
	if (!v6) {
		struct wd_ip4 h;

		if (bpf_probe_read_kernel(&h, sizeof(h), at))
			return WD_PARSE_ERROR;
		if ((h.vihl >> 4) != 4 || (h.vihl & 15) < 5)
			return WD_PARSE_NOT_IP;
		wd_addr_v4(p->tuple.saddr, h.saddr);
		wd_addr_v4(p->tuple.daddr, h.daddr);
		p->tuple.proto = h.proto;
		p->len = bpf_ntohs(h.len);
		if (h.frag & bpf_htons(0x1fff))
			return WD_PARSE_NOT_OURS;
		*transport = at + (h.vihl & 15) * 4;
		return WD_PARSE_OK;
	}

	struct wd_ip6 h;
	__u8 next, ext[4];

	if (bpf_probe_read_kernel(&h, sizeof(h), at))
		return WD_PARSE_ERROR;
	if ((*(__u8 *)&h.vcf >> 4) != 6)
		return WD_PARSE_NOT_IP;
	__builtin_memcpy(p->tuple.saddr, h.saddr, 16);
	__builtin_memcpy(p->tuple.daddr, h.daddr, 16);
	p->len = bpf_ntohs(h.plen) + 40;
	next = h.next;
	at += 40;
#pragma unroll
	for (int i = 0; i < WD_PACKET_EXT_MAX; i++) {
		/* hop-by-hop 0, routing 43, fragment 44, destination options 60 */
		if (next != 0 && next != 43 && next != 44 && next != 60)
			break;
		if (bpf_probe_read_kernel(ext, sizeof(ext), at))
			return WD_PARSE_ERROR;
		if (next == 44) {
			__u16 off = (__u16)ext[2] << 8 | ext[3];

			if (off & 0xfff8)
				return WD_PARSE_NOT_OURS;
			at += 8;
		} else {
			at += ((__u32)ext[1] + 1) * 8;
		}
		next = ext[0];
	}
	p->tuple.proto = next;
	*transport = at;
	return WD_PARSE_OK;
}

static __always_inline enum wd_parse wd_parse_ports(const unsigned char *at, struct wd_packet *p)
{
	__u16 h[7] = {}; /* ports, sequence, acknowledgement, offset and flags */

	if (p->tuple.proto == IPPROTO_TCP) {
		if (bpf_probe_read_kernel(h, 14, at))
			return WD_PARSE_ERROR;
		p->tcp_flags = bpf_ntohs(h[6]) & 0x3f;
	} else if (p->tuple.proto == IPPROTO_UDP) {
		if (bpf_probe_read_kernel(h, 4, at))
			return WD_PARSE_ERROR;
	} else {
		return WD_PARSE_NOT_OURS;
	}
	p->tuple.sport = bpf_ntohs(h[0]);
	p->tuple.dport = bpf_ntohs(h[1]);
	return WD_PARSE_OK;
}

/* destination unreachable, time exceeded, parameter problem; v6: 1 to 4 */
static __always_inline bool wd_icmp_is_error(__u8 proto, __u8 type)
{
	if (proto == IPPROTO_ICMP)
		return type == 3 || type == 11 || type == 12;
	return type >= 1 && type <= 4;
}

static __always_inline enum wd_parse wd_parse_skb(struct sk_buff *skb, struct wd_packet *p,
                                                  bool btf)
{
	const unsigned char *head, *at, *transport = NULL;
	__be16 protocol = WD_READ(btf, skb, protocol);
	__u16 nh = WD_READ(btf, skb, network_header);
	__u32 tail = WD_READ(btf, skb, tail);
	bool v6 = protocol == bpf_htons(ETH_P_IPV6);
	enum wd_parse r;

	__builtin_memset(p, 0, sizeof(*p));
	/* headers are plain memory: where that may not be read, only the socket tells */
	if (!wd_may_read)
		return WD_PARSE_NOT_IP;
	if (!v6 && protocol != bpf_htons(ETH_P_IP))
		return WD_PARSE_NOT_IP;
	/* 0: allocated, but no header was built; 0xffff: unset */
	if (nh == 0 || nh == 0xffff || nh >= tail)
		return WD_PARSE_NOT_IP;
	head = WD_READ(btf, skb, head);
	at = head + nh;
	r = wd_parse_ip(at, v6, p, &transport);
	if (r != WD_PARSE_OK)
		return r;
	if (transport + 8 > head + tail)
		return WD_PARSE_NOT_OURS;
	if (p->tuple.proto == IPPROTO_ICMP || p->tuple.proto == IPPROTO_ICMPV6) {
		__u8 icmp[2];

		if (bpf_probe_read_kernel(icmp, sizeof(icmp), transport))
			return WD_PARSE_ERROR;
		if (!wd_icmp_is_error(p->tuple.proto, icmp[0]))
			return WD_PARSE_NOT_OURS;
		if (transport + 8 + 28 > head + tail)
			return WD_PARSE_NOT_OURS;
		p->icmp_error = true;
		p->icmp_type = icmp[0];
		p->icmp_code = icmp[1];
		r = wd_parse_ip(transport + 8, v6, p, &transport);
		if (r != WD_PARSE_OK)
			return r;
		/* an error quotes 8 bytes of the transport header: no flags in them */
		if (p->tuple.proto != IPPROTO_TCP && p->tuple.proto != IPPROTO_UDP)
			return WD_PARSE_NOT_OURS;
		__u16 ports[2];

		if (bpf_probe_read_kernel(ports, sizeof(ports), transport))
			return WD_PARSE_ERROR;
		p->tuple.sport = bpf_ntohs(ports[0]);
		p->tuple.dport = bpf_ntohs(ports[1]);
		return WD_PARSE_OK;
	}
	return wd_parse_ports(transport, p);
}

/* Multicast and broadcast have no connection that could fail. */
static __always_inline bool wd_is_multicast(const __u8 *a)
{
	const __u32 *w = (const __u32 *)a;

	if (w[0] == 0 && w[1] == 0 && w[2] == bpf_htonl(0xffff))
		return (a[12] & 0xf0) == 0xe0 || w[3] == 0xffffffff;
	return a[0] == 0xff;
}

/* Conntrack's two tuples of a packet: the client's, and its answer's. */
static __always_inline void wd_ct_tuple(const struct nf_conntrack_tuple *ct, struct wd_abi_tuple *t)
{
	__u16 l3 = BPF_CORE_READ(ct, src.l3num);

	if (l3 == AF_INET) {
		wd_addr_v4(t->saddr, BPF_CORE_READ(ct, src.u3.all[0]));
		wd_addr_v4(t->daddr, BPF_CORE_READ(ct, dst.u3.all[0]));
	} else {
		bpf_core_read(t->saddr, 16, &ct->src.u3);
		bpf_core_read(t->daddr, 16, &ct->dst.u3);
	}
	t->sport = bpf_ntohs(BPF_CORE_READ(ct, src.u.all));
	t->dport = bpf_ntohs(BPF_CORE_READ(ct, dst.u.all));
	t->proto = BPF_CORE_READ(ct, dst.protonum);
}

/* False when conntrack does not know the packet, or this kernel has no conntrack. */
static __always_inline bool wd_skb_ct(struct sk_buff *skb, struct wd_abi_tuple *orig,
                                      struct wd_abi_tuple *reply, bool btf)
{
	struct nf_conn *ct;

	if (!bpf_core_field_exists(skb->_nfct) || !bpf_core_type_exists(struct nf_conn))
		return false;
	/* the low three bits are the state (NFCT_INFOMASK) */
	ct = (struct nf_conn *)(WD_READ(btf, skb, _nfct) & ~7ul);
	if (!ct)
		return false;
	wd_ct_tuple(&ct->tuplehash[0].tuple, orig);
	wd_ct_tuple(&ct->tuplehash[1].tuple, reply);
	return orig->proto == IPPROTO_TCP || orig->proto == IPPROTO_UDP;
}

#endif
