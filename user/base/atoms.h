/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Strings kept once and counted: names and labels of a cluster repeat thousands of times. Two
 * that are equal are the same pointer. Unlike wd_intern, a string goes when its last holder
 * does.
 */
#ifndef WD_BASE_ATOMS_H
#define WD_BASE_ATOMS_H

#include <stddef.h>

struct wd_atoms;

int wd_atoms_new(struct wd_atoms **ret);
/* Every string goes, held or not. */
void wd_atoms_free(struct wd_atoms *a);
/* "" is always the same and costs nothing. NULL: no memory. */
const char *wd_atom_get(struct wd_atoms *a, const char *s);
/* s: what get() returned. */
void wd_atom_put(struct wd_atoms *a, const char *s);
/* How many different strings there are. */
size_t wd_atoms_count(const struct wd_atoms *a);

#endif
