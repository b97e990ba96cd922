/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dumps of the node's rules by the tools that know them, one child process after the other, on
 * the caller's event loop. Reading changes nothing: a tool is asked only where the kernel has
 * that kind of rules already, since asking would load its modules.
 *
 * A dump costs CPU on a node that may have none to spare: what the children and their readers
 * used is measured, and the next refresh waits until both take no more than a sixtieth of the
 * time. Nothing is held as a whole: bytes are handed on as they come.
 */
#ifndef WD_NODE_DUMP_H
#define WD_NODE_DUMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct event_base;
struct wd_dumps;

/* name, in code; the tool; its arguments; what the kernel must have */
#define WD_DUMPS(X)                                                                \
	X(IPTABLES_LEGACY, "iptables-legacy-save", "-c", NULL, NULL, IP_TABLES)    \
	X(IP6TABLES_LEGACY, "ip6tables-legacy-save", "-c", NULL, NULL, IP6_TABLES) \
	X(IPTABLES_NFT, "iptables-nft-save", "-c", NULL, NULL, NF_TABLES)          \
	X(IP6TABLES_NFT, "ip6tables-nft-save", "-c", NULL, NULL, NF_TABLES)        \
	X(NFT, "nft", "-j", "list", "ruleset", NF_TABLES)

enum wd_dump {
#define X(id, tool, a, b, c, needs) WD_DUMP_##id,
	WD_DUMPS(X)
#undef X
		WD_DUMP_MAX,
};

enum wd_dump_result {
	WD_DUMP_NEVER, /* not asked yet */
	WD_DUMP_DONE,
	WD_DUMP_EMPTY,   /* the kernel has no rules of this kind; nobody was asked */
	WD_DUMP_NO_TOOL, /* it has, or may have, but the tool is not installed */
	WD_DUMP_FAILED,  /* what was handed on so far is not all */
};

struct wd_dump_state {
	enum wd_dump_result result;
	uint64_t at_ns;    /* CLOCK_MONOTONIC when the last dump began */
	uint64_t bytes;    /* of it */
	uint64_t cpu_ns;   /* of the child */
	char message[256]; /* why not: NO_TOOL and FAILED; raw text */
};

struct wd_dumps_ops {
	/* A dump begins; not called for those that end without one. */
	void (*begin)(void *ctx, enum wd_dump which);
	/* Its next bytes; a negative result ends it as failed. */
	int (*data)(void *ctx, enum wd_dump which, const char *p, size_t n);
	/* It has ended; in any case once for each that was asked for. */
	void (*end)(void *ctx, enum wd_dump which, const struct wd_dump_state *st);
	/* All have. May begin the next refresh, and may not free. */
	void (*done)(void *ctx);
};

#define WD_DUMPS_DEADLINE_NS 10000000000ull
#define WD_DUMPS_SIZE_MAX    (256u << 20)
/*
 * Memory of a tool. `nft -j` takes 11.5 KiB a rule: 1 GiB is enough for 90 000 rules, which no node
 * has that proxies with nftables maps, and leaves a node of 4 GB its pods. Where whydrop's own
 * cgroup has a limit, its children count in it, and on cgroup v2 one that exceeds it takes whydrop
 * along: there it is three quarters of that limit, if that is less. A tool that needs more has
 * failed: its message says what it had and what it was allowed.
 */
#define WD_DUMPS_MEMORY_MAX (1ull << 30)
/* Time between two beginnings, for each ns of CPU that the first one took. */
#define WD_DUMPS_CPU_SHARE 60

struct wd_dumps_options {
	const char *proc;     /* NULL: /proc */
	const char *sys;      /* NULL: /sys */
	const char *path;     /* where tools are; NULL: WD_DUMPS_PATH */
	uint64_t deadline_ns; /* of one dump; 0: WD_DUMPS_DEADLINE_NS */
	size_t size_max;      /* of one dump; 0: WD_DUMPS_SIZE_MAX */
	uint64_t memory_max;  /* of a tool, bytes; 0: as WD_DUMPS_MEMORY_MAX tells */
};

#define WD_DUMPS_PATH "/usr/sbin:/sbin:/usr/bin:/bin:/usr/local/sbin"

/* base and the options' strings must outlive it. -ENOMEM. */
int wd_dumps_new(struct event_base *base, const struct wd_dumps_options *o,
                 const struct wd_dumps_ops *ops, void *ctx, struct wd_dumps **ret);
/* Ends a child that runs, without further calls. */
void wd_dumps_free(struct wd_dumps *d);

/*
 * Dumps those whose bit (1 << enum wd_dump) is set. -EBUSY: a refresh is under way; -EAGAIN: too
 * soon, see wd_dumps_due(); 0: begun, and `done` comes from the loop, never from within this call.
 */
int wd_dumps_refresh(struct wd_dumps *d, unsigned int which, uint64_t now_ns);
/* When the CPU budget allows the next refresh, CLOCK_MONOTONIC. */
uint64_t wd_dumps_due(const struct wd_dumps *d);
bool wd_dumps_running(const struct wd_dumps *d);

const struct wd_dump_state *wd_dumps_state(const struct wd_dumps *d, enum wd_dump which);
/* Since the dump began that is the last one known; UINT64_MAX: there is none. */
uint64_t wd_dumps_age(const struct wd_dumps *d, enum wd_dump which, uint64_t now_ns);
const char *wd_dump_tool(enum wd_dump which);

/* Which kinds of rules the kernel has, without asking it for any. Pure: the content of
 * /proc/net/ip_tables_names ("" if it is not there), and of /proc/modules or the like. */
bool wd_dump_has_tables(const char *names, size_t n);
bool wd_dump_has_module(const char *modules, size_t n, const char *module);

#endif
