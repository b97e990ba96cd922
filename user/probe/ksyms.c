/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/ksyms.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/cleanup.h"

/* More distinct addresses than any kernel has places that free packets. */
#define KSYMS_MAX 4096
/* No function is longer: an address behind the last symbol is not in it. */
#define FUNCTION_MAX (1u << 20)

struct ksym {
	uint64_t addr;
	char *name; /* NULL: unknown */
	UT_hash_handle hh;
};

struct wd_ksyms {
	struct ksym *by_addr;
	bool hidden;
};

int wd_ksyms_new(struct wd_ksyms **ret)
{
	struct wd_ksyms *k = calloc(1, sizeof(*k));

	if (!k)
		return -ENOMEM;
	*ret = k;
	return 0;
}

void wd_ksyms_free(struct wd_ksyms *k)
{
	struct ksym *s, *tmp;

	if (!k)
		return;
	HASH_ITER (hh, k->by_addr, s, tmp) {
		HASH_DEL(k->by_addr, s);
		free(s->name);
		free(s);
	}
	free(k);
}

/* "ffffffff81f28dd0 T nf_hook_slow" or "... t name\t[module]" (kernel/kallsyms.c). */
static bool parse_line(const char *line, uint64_t *addr, char *type, char name[128])
{
	char *end;
	size_t n = 0;

	*addr = strtoull(line, &end, 16);
	if (end == line || end[0] != ' ' || !end[1] || end[2] != ' ')
		return false;
	*type = end[1];
	for (const char *s = end + 3; *s && *s != '\n' && *s != '\t' && *s != ' ' && n < 127; s++)
		name[n++] = *s;
	name[n] = '\0';
	return n > 0;
}

/* The nearest text symbol at or below addr; the file is not sorted across modules. */
static char *scan(struct wd_ksyms *k, uint64_t addr)
{
	WD_AUTO_FILE FILE *f = fopen("/proc/kallsyms", "re");
	WD_AUTO_FREE char *line = NULL;
	uint64_t best = 0, a;
	char best_name[128] = "", name[128], type;
	bool any = false;
	size_t size = 0;

	if (!f) {
		k->hidden = true;
		return NULL;
	}
	setvbuf(f, NULL, _IOFBF, 1 << 16);
	while (getline(&line, &size, f) > 0) {
		if (!parse_line(line, &a, &type, name))
			continue;
		any |= a != 0;
		if ((type | 0x20) != 't' || a > addr || a < best)
			continue;
		/* several names at one address: the first global one is the usual name */
		if (a == best && best_name[0])
			continue;
		best = a;
		memcpy(best_name, name, sizeof(best_name));
	}
	k->hidden = !any;
	if (!best || addr - best > FUNCTION_MAX)
		return NULL;
	/* compiler-made copies: name.cold, name.part.0, name.constprop.0, name.isra.0 */
	best_name[strcspn(best_name, ".")] = '\0';
	return best_name[0] ? strdup(best_name) : NULL;
}

const char *wd_ksyms_name(struct wd_ksyms *k, uint64_t addr)
{
	struct ksym *s;

	if (!addr || k->hidden)
		return NULL;
	HASH_FIND(hh, k->by_addr, &addr, sizeof(addr), s);
	if (s)
		return s->name;
	if (HASH_COUNT(k->by_addr) >= KSYMS_MAX)
		return NULL;
	s = calloc(1, sizeof(*s));
	if (!s)
		return NULL;
	s->addr = addr;
	s->name = scan(k, addr);
	HASH_ADD(hh, k->by_addr, addr, sizeof(s->addr), s);
	return s->name;
}

int wd_ksyms_has(const char *function)
{
	WD_AUTO_FILE FILE *f = fopen("/proc/kallsyms", "re");
	WD_AUTO_FREE char *line = NULL;
	char name[128], type;
	size_t size = 0;
	uint64_t a;

	if (!f)
		return -errno;
	setvbuf(f, NULL, _IOFBF, 1 << 16);
	while (getline(&line, &size, f) > 0)
		if (parse_line(line, &a, &type, name) && (type | 0x20) == 't' &&
		    strcmp(name, function) == 0)
			return 1;
	return ferror(f) ? -EIO : 0;
}
