/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The text of /proc/PID/net/fib_trie (kernel: fib_trie_seq_show in
 * net/ipv4/fib_trie.c): all IPv4 tables of a namespace with the type of each entry,
 * but without devices and gateways. Pure.
 *
 * As long as a namespace never had a policy rule of its own, tables main and local are
 * one trie, and both headings show the same entries.
 */
#ifndef WD_NODE_PROCFIB_H
#define WD_NODE_PROCFIB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/lines.h"

enum wd_fib_table {
	WD_FIB_NONE,
	WD_FIB_MAIN,
	WD_FIB_LOCAL,
	WD_FIB_OTHER, /* a table that only policy rules lead to */
};

enum wd_fib_type {
	WD_FIB_UNKNOWN,
	WD_FIB_UNICAST,
	WD_FIB_LOCAL_ADDR,
	WD_FIB_BROADCAST,
	WD_FIB_BLACKHOLE,
	WD_FIB_UNREACHABLE,
	WD_FIB_PROHIBIT,
	WD_FIB_THROW,
};

struct wd_fib_entry {
	enum wd_fib_table table;
	enum wd_fib_type type;
	uint32_t dest;     /* host byte order */
	unsigned int bits; /* 0..32 */
	bool tos;          /* holds for one type of service only */
};

struct wd_procfib {
	struct wd_span rest;
	enum wd_fib_table table;
	bool in_leaf;
	uint32_t leaf;
};

void wd_procfib_init(struct wd_procfib *it, const char *text, size_t n);
/* The next entry; false at the end. Lines of another shape are passed over. */
bool wd_procfib_next(struct wd_procfib *it, struct wd_fib_entry *ret);

/* Type of the entry of table main that decides about dest (host byte order): longest
 * prefix, then the order of the file, which is that of tos and metric. UNKNOWN: none. */
enum wd_fib_type wd_procfib_main_type(const char *text, size_t n, uint32_t dest);

#endif
