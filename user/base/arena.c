/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends a text that was cut, so that nobody takes the rest for the whole. */
static const char cut_mark[] = "\xe2\x80\xa6"; /* U+2026 */

int wd_arena_init(struct wd_arena *a, size_t size)
{
	*a = (struct wd_arena){0};
	a->mem = malloc(size ? size : 1);
	if (!a->mem)
		return -ENOMEM;
	a->size = size;
	return 0;
}

void wd_arena_release(struct wd_arena *a)
{
	free(a->mem);
	*a = (struct wd_arena){0};
}

void wd_arena_reset(struct wd_arena *a)
{
	a->used = 0;
	a->truncated = 0;
}

/* Cuts the text whose first byte is at from and whose terminator is the last byte of the
 * arena: not within a UTF-8 sequence, and with the mark where it fits. */
static void arena_cut(struct wd_arena *a, size_t from)
{
	size_t mark = sizeof(cut_mark) - 1, end = a->size - 1;

	a->truncated++;
	a->used = a->size;
	if (end - from < mark) {
		a->mem[from] = '\0';
		return;
	}
	end -= mark;
	while (end > from && ((uint8_t)a->mem[end] & 0xc0) == 0x80)
		end--;
	memcpy(a->mem + end, cut_mark, sizeof(cut_mark));
}

/* Writes at `at` a text that begins at from. */
static void arena_write(struct wd_arena *a, size_t from, size_t at, const char *fmt, va_list ap)
{
	int n = vsnprintf(a->mem + at, a->size - at, fmt, ap);

	if (n < 0) {
		a->mem[at] = '\0';
		n = 0;
	}
	if ((size_t)n < a->size - at)
		a->used = at + (size_t)n + 1;
	else
		arena_cut(a, from);
}

const char *wd_arena_vprintf(struct wd_arena *a, const char *fmt, va_list ap)
{
	size_t at = a->used;

	if (at >= a->size) {
		a->truncated++;
		return "";
	}
	arena_write(a, at, at, fmt, ap);
	return a->mem + at;
}

const char *wd_arena_printf(struct wd_arena *a, const char *fmt, ...)
{
	const char *s;
	va_list ap;

	va_start(ap, fmt);
	s = wd_arena_vprintf(a, fmt, ap);
	va_end(ap);
	return s;
}

const char *wd_arena_append(struct wd_arena *a, const char *last, const char *fmt, ...)
{
	size_t from, end;
	va_list ap;

	if (a->used >= a->size) {
		a->truncated++;
		return last;
	}
	if ((uintptr_t)last < (uintptr_t)a->mem || (uintptr_t)last >= (uintptr_t)a->mem + a->used) {
		/* Not ours, e.g. a literal: continue a copy of it. */
		last = wd_arena_printf(a, "%s", last);
		if (a->used >= a->size)
			return last;
	}
	from = (size_t)(last - a->mem);
	end = from + strlen(last);
	if (end + 1 != a->used) {
		last = wd_arena_printf(a, "%s", last);
		if (a->used >= a->size)
			return last;
		from = (size_t)(last - a->mem);
		end = a->used - 1;
	}
	va_start(ap, fmt);
	arena_write(a, from, end, fmt, ap);
	va_end(ap);
	return last;
}
