/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A bump allocator of fixed size for texts that live as long as one finding.
 *
 * Nothing is freed singly; wd_arena_reset() forgets all. When it is full, texts
 * are cut (never NULL, always terminated, never within a UTF-8 sequence, ended by
 * U+2026 where that fits) and `truncated` counts them, so that hostile input can
 * make an answer shorter, but never make it fail, and never cut in silence.
 */
#ifndef WD_BASE_ARENA_H
#define WD_BASE_ARENA_H

#include <stdarg.h>
#include <stddef.h>

struct wd_arena {
	char *mem;
	size_t size;
	size_t used;
	unsigned int truncated;
};

/* -ENOMEM, or 0. */
int wd_arena_init(struct wd_arena *a, size_t size);
void wd_arena_release(struct wd_arena *a);
void wd_arena_reset(struct wd_arena *a);

const char *wd_arena_printf(struct wd_arena *a, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
const char *wd_arena_vprintf(struct wd_arena *a, const char *fmt, va_list ap)
	__attribute__((format(printf, 2, 0)));
/* Appends to the text that was made last and returns the possibly cut whole. When
 * `last` is not what the previous call returned, a copy is continued instead. No
 * argument may point to `last` itself. */
const char *wd_arena_append(struct wd_arena *a, const char *last, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
