/* SPDX-License-Identifier: Apache-2.0 */
/* The same JSON with the first character of every key as an escape: prune.c then knows none of
 * them, and all of it becomes the tree. */
#ifndef WD_TEST_KUBE_ESCAPED_H
#define WD_TEST_KUBE_ESCAPED_H

#include <string.h>

#include "base/buf.h"

static inline void escape_keys(struct wd_buf *b, const char *json, size_t n)
{
	const char *end = json + n, *p = json, *to, *next;

	while (p < end) {
		if (*p != '"') {
			wd_buf_putc(b, *p++);
			continue;
		}
		for (to = p + 1; to < end && *to != '"'; to++)
			to += *to == '\\' && to + 1 < end;
		for (next = to < end ? to + 1 : end;
		     next < end && strchr(" \t\r\n", *next) && *next;)
			next++;
		wd_buf_putc(b, *p++);
		if (next < end && *next == ':' && p < to && *p >= ' ' && *p != '\\')
			wd_buf_printf(b, "\\u%04x", *p++);
		if (to < end)
			to++;
		wd_buf_put(b, p, (size_t)(to - p));
		p = to;
	}
}

#endif
