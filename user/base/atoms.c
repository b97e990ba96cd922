/* SPDX-License-Identifier: Apache-2.0 */
#include "base/atoms.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/table.h"

struct atom {
	uint32_t refs, hash;
	char text[];
};

struct wd_atoms {
	struct wd_table table;
};

static const char empty[] = "";

int wd_atoms_new(struct wd_atoms **ret)
{
	struct wd_atoms *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	*ret = a;
	return 0;
}

void wd_atoms_free(struct wd_atoms *a)
{
	uint32_t at = 0;
	void *p;

	if (!a)
		return;
	while ((p = wd_table_each(&a->table, &at)))
		free(p);
	wd_table_release(&a->table);
	free(a);
}

const char *wd_atom_get(struct wd_atoms *a, const char *s)
{
	size_t n = strlen(s);
	uint32_t hash = wd_hash(s, n, (uintptr_t)a);
	struct wd_table_walk w = wd_table_find(&a->table, hash);
	struct atom *x;

	if (!n)
		return empty;
	while ((x = wd_table_next(&a->table, &w))) {
		if (strcmp(x->text, s) == 0) {
			x->refs++;
			return x->text;
		}
	}
	x = malloc(sizeof(*x) + n + 1);
	if (!x)
		return NULL;
	x->refs = 1;
	x->hash = hash;
	memcpy(x->text, s, n + 1);
	if (wd_table_add(&a->table, hash, x) < 0) {
		free(x);
		return NULL;
	}
	return x->text;
}

void wd_atom_put(struct wd_atoms *a, const char *s)
{
	struct atom *x;

	if (!s || s == empty)
		return;
	x = (struct atom *)(uintptr_t)(s - offsetof(struct atom, text));
	if (--x->refs)
		return;
	wd_table_remove(&a->table, x->hash, x);
	free(x);
}

size_t wd_atoms_count(const struct wd_atoms *a)
{
	return a->table.n;
}
