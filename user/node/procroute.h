/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Route lookup in the text of /proc/PID/net/route (kernel: fib_route_seq_show in
 * net/ipv4/fib_trie.c) and /proc/PID/net/ipv6_route (rt6_native_seq_show in
 * net/ipv6/ip6_fib.c). Pure.
 *
 * A second witness only, because of what those files leave out:
 * - policy rules. The IPv4 file shows table main; whether other tables exist is in
 *   fib_trie (procfib.h), which rule leads to them is in no file. The IPv6 file mixes
 *   all tables without naming them, so there a route of another table can win here.
 * - the other next hops of a multipath route (IPv4: the first stands for all; IPv6: one
 *   line each, the first is taken).
 * - IPv4: a gateway of the other family (flag G with gateway 0), and what "*" stands
 *   for besides unreachable and prohibit: blackhole and throw have no flag of their own.
 * - IPv6: throw looks like unreachable.
 */
#ifndef WD_NODE_PROCROUTE_H
#define WD_NODE_PROCROUTE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/addr.h"
#include "model/facts.h"

struct wd_procroute {
	struct wd_route_fact fact; /* kind NONE: nothing matches; UNKNOWN: not readable */
	bool no_device;            /* IPv4 "*": blackhole or throw, ask fib_trie which */
	bool via_unknown;          /* has a gateway that the file cannot show */
};

/* complete: the text is the whole file; else "none" becomes unknown. dest must be IPv4,
 * resp. IPv6. The IPv4 file never has LOCAL entries: look at fib_trie first. */
void wd_procroute_lookup4(const char *text, size_t n, bool complete, const struct wd_addr *dest,
                          struct wd_procroute *ret);
void wd_procroute_lookup6(const char *text, size_t n, bool complete, const struct wd_addr *dest,
                          struct wd_procroute *ret);

#endif
