/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcni's result cache of this node, /var/lib/cni/results (libcni before 0.8:
 * /var/lib/cni/cache/results): which pod got which sandbox and addresses.
 *
 * Azure's own stores of the same (azurestate.h) are read beside it, and count the same.
 *
 * A file stays behind when its deletion failed, so an entry alone proves nothing: it
 * counts when its sandbox is mounted still, or when a namespace has its address.
 */
#ifndef WD_NODE_CNIRESULTS_H
#define WD_NODE_CNIRESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "node/cnicache.h"
#include "node/procfs.h"

/* Limits: files kept, and time of one reading. */
#define WD_CNIRESULTS_MAX     4096
#define WD_CNIRESULTS_READ_NS 250000000ull

struct wd_cniresult {
	char *file;
	uint64_t ino, size, mtime_ns; /* a file that has not changed is not read again */
	struct wd_cnicache *cache;    /* NULL: no pod's */
};

/* One file of Azure's. */
struct wd_cniresults_azure {
	char *path;
	uint64_t ino, size, mtime_ns; /* all zero: not read */
	struct wd_cnicache *v;
	size_t n;
};

#define WD_CNIRESULTS_AZURE 4

struct wd_cniresults {
	char *dirs[2];
	struct wd_cniresults_azure azure[WD_CNIRESULTS_AZURE];
	struct wd_cniresult *v; /* by file name, per directory */
	size_t n;
	struct wd_pace pace;
};

/* -ENOMEM. host_root as in node.h. */
int wd_cniresults_init(struct wd_cniresults *c, const char *host_root);
void wd_cniresults_release(struct wd_cniresults *c);
/* Looks again when that is due; true: it did, and earlier pointers are invalid. buf is
 * scratch. */
bool wd_cniresults_refresh(struct wd_cniresults *c, bool missed, struct wd_buf *buf);

/* The next entry (from *at, which starts at 0) of this sandbox name, address or device; NULL:
 * no more. */
const struct wd_cnicache *wd_cniresults_by_mount(const struct wd_cniresults *c, const char *mount,
                                                 size_t *at);
const struct wd_cnicache *wd_cniresults_by_addr(const struct wd_cniresults *c,
                                                const struct wd_addr *addr, size_t *at);
/* By the host side of its device; libcni's files do not have it. */
const struct wd_cnicache *wd_cniresults_by_device(const struct wd_cniresults *c, const char *device,
                                                  size_t *at);

#endif
