/* SPDX-License-Identifier: Apache-2.0 */
/* Who talks to whom: the five-tuple of a packet or a connection. */
#ifndef WD_MODEL_TUPLE_H
#define WD_MODEL_TUPLE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* Protocol numbers of IANA, as in the IP header. */
#define WD_PROTO_ICMP   1
#define WD_PROTO_TCP    6
#define WD_PROTO_UDP    17
#define WD_PROTO_ICMPV6 58
#define WD_PROTO_SCTP   132

/* Ports in host byte order. */
struct wd_tuple {
	struct wd_addr saddr;
	struct wd_addr daddr;
	uint16_t sport;
	uint16_t dport;
	uint8_t proto;
};

/* "tcp", "udp", "icmp", "icmpv6", "sctp", or NULL. */
const char *wd_proto_name(uint8_t proto);
struct wd_tuple wd_tuple_reverse(const struct wd_tuple *t);
bool wd_tuple_equal(const struct wd_tuple *a, const struct wd_tuple *b);
uint32_t wd_tuple_hash(const struct wd_tuple *t);

#endif
