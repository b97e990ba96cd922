/* SPDX-License-Identifier: Apache-2.0 */
#include "model/tuple.h"

#include <stddef.h>
#include <string.h>

const char *wd_proto_name(uint8_t proto)
{
	switch (proto) {
	case WD_PROTO_ICMP:
		return "icmp";
	case WD_PROTO_TCP:
		return "tcp";
	case WD_PROTO_UDP:
		return "udp";
	case WD_PROTO_ICMPV6:
		return "icmpv6";
	case WD_PROTO_SCTP:
		return "sctp";
	default:
		return NULL;
	}
}

struct wd_tuple wd_tuple_reverse(const struct wd_tuple *t)
{
	return (struct wd_tuple){
		.saddr = t->daddr,
		.daddr = t->saddr,
		.sport = t->dport,
		.dport = t->sport,
		.proto = t->proto,
	};
}

bool wd_tuple_equal(const struct wd_tuple *a, const struct wd_tuple *b)
{
	return a->sport == b->sport && a->dport == b->dport && a->proto == b->proto &&
	       wd_addr_equal(&a->saddr, &b->saddr) && wd_addr_equal(&a->daddr, &b->daddr);
}

static uint64_t load64(const uint8_t *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

/* One round of a multiply-and-fold mixer (the idea of wyhash): both halves of the 128-bit
 * product count, so that every input bit reaches every output bit. */
static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 m = (unsigned __int128)a * b;

	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

uint32_t wd_tuple_hash(const struct wd_tuple *t)
{
	uint64_t ports = (uint64_t)t->sport << 32 | (uint64_t)t->dport << 16 | t->proto;
	uint64_t h = 0x9e3779b97f4a7c15ull;

	h = mix(h ^ load64(t->saddr.b), 0xa0761d6478bd642full ^ load64(t->saddr.b + 8));
	h = mix(h ^ load64(t->daddr.b), 0xe7037ed1a0b428dbull ^ load64(t->daddr.b + 8));
	h = mix(h ^ ports, 0x8ebc6af09c88c6e3ull);
	return (uint32_t)(h ^ h >> 32);
}
