/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Is this address and port one that the user asked about? */
#ifndef WD_TARGET_BPF_H
#define WD_TARGET_BPF_H

#include "maps.bpf.h"

/*
 * A function of its own, which the verifier looks at once: inlined at its six callers it
 * costs nine tenths of the time that loading takes. The address travels as two words, since
 * such a function takes scalars only.
 */
__weak __noinline int wd_target_is(__u64 hi, __u64 lo, __u32 port_proto)
{
	__u16 port = port_proto >> 8;
	__u8 proto = port_proto;
	__u32 match = wd_match;

	if (match & WD_MATCH_HOSTS) {
		struct wd_abi_host_key k = {};

		__builtin_memcpy(k.addr, &hi, 8);
		__builtin_memcpy(k.addr + 8, &lo, 8);
		k.port = port;
		k.proto = proto;
		if ((match & WD_MATCH_HOST_PROTO) && bpf_map_lookup_elem(&wd_hosts, &k))
			return 1;
		k.proto = 0;
		if ((match & WD_MATCH_HOST_PORT) && bpf_map_lookup_elem(&wd_hosts, &k))
			return 1;
		k.port = 0;
		if ((match & WD_MATCH_HOST_ANY) && bpf_map_lookup_elem(&wd_hosts, &k))
			return 1;
	}
	if (match & WD_MATCH_NETS) {
		struct wd_abi_net_key k = {.bits = 128};
		struct wd_abi_net *net;

		__builtin_memcpy(k.addr, &hi, 8);
		__builtin_memcpy(k.addr + 8, &lo, 8);
		net = bpf_map_lookup_elem(&wd_nets, &k);
		if (!net)
			return 0;
		if (net->any)
			return 1;
#pragma unroll
		for (int i = 0; i < WD_NET_PORTS; i++)
			if (i < net->n && net->port[i] == port)
				return 1;
	}
	return 0;
}

static __always_inline bool wd_target(const __u8 *addr, __u16 port, __u8 proto)
{
	__u64 hi, lo;

	if (wd_match & WD_MATCH_ALL)
		return true;
	__builtin_memcpy(&hi, addr, 8);
	__builtin_memcpy(&lo, addr + 8, 8);
	return wd_target_is(hi, lo, (__u32)port << 8 | proto);
}

/* Either end of a tuple: a packet may be on its way to the target or back. */
static __always_inline bool wd_target_tuple(const struct wd_abi_tuple *t)
{
	return wd_target(t->daddr, t->dport, t->proto) || wd_target(t->saddr, t->sport, t->proto);
}

#endif
