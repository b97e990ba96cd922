/* SPDX-License-Identifier: Apache-2.0 */
#include "base/intern.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* out of memory: the element is not added, and says so by its NULL table */
#define HASH_NONFATAL_OOM 1
#include <uthash.h>

struct entry {
	UT_hash_handle hh;
	char s[];
};

struct wd_intern {
	struct entry *all;
	unsigned int max;
};

int wd_intern_new(unsigned int max, struct wd_intern **ret)
{
	struct wd_intern *in = calloc(1, sizeof(*in));

	if (!in)
		return -ENOMEM;
	in->max = max;
	*ret = in;
	return 0;
}

void wd_intern_free(struct wd_intern *in)
{
	struct entry *e, *next;

	if (!in)
		return;
	HASH_ITER (hh, in->all, e, next) {
		HASH_DEL(in->all, e);
		free(e);
	}
	free(in);
}

const char *wd_intern(struct wd_intern *in, const char *s)
{
	size_t n = strlen(s);
	struct entry *e;

	if (!n)
		return NULL;
	HASH_FIND(hh, in->all, s, n, e);
	if (e)
		return e->s;
	if (HASH_COUNT(in->all) >= in->max)
		return NULL;
	e = malloc(sizeof(*e) + n + 1);
	if (!e)
		return NULL;
	memcpy(e->s, s, n + 1);
	HASH_ADD(hh, in->all, s, n, e);
	if (!e->hh.tbl) {
		free(e);
		return NULL;
	}
	return e->s;
}
