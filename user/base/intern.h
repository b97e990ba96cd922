/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of short strings, each kept once: whoever holds one may compare by pointer and need
 * not free it. Bounded, since the strings come from outside.
 */
#ifndef WD_BASE_INTERN_H
#define WD_BASE_INTERN_H

#include <stddef.h>

struct wd_intern;

/* max: how many different strings are kept. -ENOMEM. */
int wd_intern_new(unsigned int max, struct wd_intern **ret);
void wd_intern_free(struct wd_intern *in);
/* The set's own copy of s, which lives as long as the set; NULL for the empty string, and
 * when there is no room for another. */
const char *wd_intern(struct wd_intern *in, const char *s);

#endif
