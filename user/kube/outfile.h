/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file that appears whole or not at all: written to a name of its own beside it, synced, renamed.
 * Owner-only. Never follows a symbolic link, and refuses to replace what is no plain file.
 */
#ifndef WD_KUBE_OUTFILE_H
#define WD_KUBE_OUTFILE_H

#include <stddef.h>

#include "base/buf.h"

struct wd_outfile {
	int dir; /* borrowed */
	int fd;  /* -1 not open */
	char name[256], temp[256];
	struct wd_buf buf; /* not yet written */
	int error;
};

/* name: one component, of at most 200 bytes. */
int wd_outfile_open(struct wd_outfile *f, int dir, const char *name);
/* To be called now and then after appending to f->buf: writes it out when it is long. Returns,
 * as all here do, the first error of the file. */
int wd_outfile_flush(struct wd_outfile *f);
/* Makes it visible. Releases f, whatever comes of it. */
int wd_outfile_commit(struct wd_outfile *f);
/* Removes what was written. Nothing to do when it is not open. */
void wd_outfile_abort(struct wd_outfile *f);

#endif
