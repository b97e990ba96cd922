/* SPDX-License-Identifier: Apache-2.0 */
/* A directory to make snapshots in, and a store to read them into. */
#ifndef WD_TEST_KUBE_SNAPPING_H
#define WD_TEST_KUBE_SNAPPING_H

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "kube/snapshot.h"
#include "tests/unit/node/tree.h"

struct fixture {
	struct tree tree;
	struct wd_store *store;
	char err[WD_SNAPSHOT_ERRLEN];
};

static inline int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (!f || wd_store_new(&f->store))
		return -1;
	tree_make(&f->tree);
	*state = f;
	return 0;
}

static inline int teardown(void **state)
{
	struct fixture *f = *state;

	wd_store_free(f->store);
	tree_remove(&f->tree);
	free(f);
	return 0;
}

#endif
