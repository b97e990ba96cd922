/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The network namespaces of this node: which there are, by which process they can be
 * read, and their names under /run/netns. A snapshot that is renewed on demand.
 *
 * Not seen: namespaces that only a thread other than its process's first, or only an
 * open file descriptor holds. Seen but not readable: those with a name and no process.
 */
#ifndef WD_NODE_NETNS_H
#define WD_NODE_NETNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "model/facts.h"
#include "node/procfs.h"

#define WD_NETNS_PIDS_KEPT 4
#define WD_NETNS_NAME_LEN  64

/* Limits of one scan. */
#define WD_NETNS_PIDS_MAX   262144
#define WD_NETNS_MOUNTS_MAX 4096
#define WD_NETNS_SCAN_NS    250000000ull

struct wd_netns {
	uint32_t ino;
	bool own;                          /* the one this process runs in */
	uint32_t pids[WD_NETNS_PIDS_KEPT]; /* the lowest; none for own */
	unsigned int n_pids;
	char name[WD_NETNS_NAME_LEN]; /* "node", first name below /run/netns, or "" */

	/* Filled by the address index. */
	bool addrs_read;   /* all its addresses are in the index */
	bool gone;         /* had ended when its addresses were read */
	bool other_tables; /* has IPv4 tables besides main and local */

	/* Filled on demand by owner.c. */
	bool pod_asked;
	bool pod_disputed; /* processes of different pods are in it */
	struct wd_pod_ref pod;
};

struct wd_netns_mount {
	char name[WD_NETNS_NAME_LEN];
	uint32_t ino;
};

struct wd_netnses {
	int proc;        /* directory /proc */
	char *host_root; /* without slash at the end */
	dev_t nsfs;      /* device of namespace files, 0 unknown */
	uint32_t own;
	bool pids_are_ours; /* /proc has the pids of the initial namespace */
	struct wd_netns *v; /* by inode */
	size_t n;
	struct wd_netns_mount *mounts; /* by name */
	size_t n_mounts;
	bool complete; /* nothing was cut or denied in the last scan */
	struct wd_pace pace;
};

/* proc: "/proc", or a copy of it in a test. -ENOMEM, or the errno of opening it. */
int wd_netnses_init(struct wd_netnses *s, const char *proc, const char *host_root);
void wd_netnses_release(struct wd_netnses *s);

/* Looks again when that is due (procfs.h); true: it did, and all struct wd_netns
 * pointers from before are invalid. */
bool wd_netnses_refresh(struct wd_netnses *s, bool missed);

/* NULL: no such namespace was seen. Valid until the next refresh. */
struct wd_netns *wd_netnses_find(const struct wd_netnses *s, uint32_t ino);
/* The namespace that is mounted below /run/netns by this name, or NULL. */
struct wd_netns *wd_netnses_find_mount(const struct wd_netnses *s, const char *name);

/* Directory /proc/PID of a process that is in this namespace now, or -ESRCH. The caller
 * closes it. */
int wd_netns_open(const struct wd_netnses *s, const struct wd_netns *ns);

#endif
