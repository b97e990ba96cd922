/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which namespace of this node owns which address: the IPv4 LOCAL entries of tables main
 * and local, and the IPv6 addresses, of every namespace in a struct wd_netnses.
 *
 * An address can have several owners (each namespace has 127.0.0.1, and nothing stops
 * two pods from having the same address); the index gives all and decides nothing.
 */
#ifndef WD_NODE_NETADDR_H
#define WD_NODE_NETADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "node/netns.h"

#define WD_NETADDR_MAX     65536
#define WD_NETADDR_READ_NS 150000000ull

struct wd_netaddr {
	struct wd_prefix prefix; /* one address, or a block that is local as a whole */
	uint32_t ns;             /* index into wd_netnses.v */
};

struct wd_netaddrs {
	struct wd_netaddr *v; /* single addresses, sorted */
	size_t n, alloc;
	struct wd_netaddr *wide; /* blocks, 127.0.0.0/8 among them */
	size_t n_wide, alloc_wide;
};

/* Reads the addresses of all namespaces anew and sets addrs_read, gone and other_tables
 * in each. buf is scratch. */
void wd_netaddrs_build(struct wd_netaddrs *a, struct wd_netnses *s, struct wd_buf *buf);
void wd_netaddrs_release(struct wd_netaddrs *a);

/* Does this namespace own the address? */
bool wd_netaddrs_has(const struct wd_netaddrs *a, uint32_t ns, const struct wd_addr *addr);
/* Fills ret[0..max) with the namespaces (indices) that own it; returns how many there
 * are, which may be more than max. */
size_t wd_netaddrs_owners(const struct wd_netaddrs *a, const struct wd_addr *addr, uint32_t *ret,
                          size_t max);

#endif
