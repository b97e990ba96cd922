/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define WD_BUF_FIRST 256

void wd_buf_init(struct wd_buf *b, size_t cap)
{
	*b = (struct wd_buf){.cap = cap};
}

void wd_buf_release(struct wd_buf *b)
{
	free(b->data);
	wd_buf_init(b, b->cap);
}

void wd_buf_reset(struct wd_buf *b)
{
	b->len = 0;
	b->err = 0;
}

char *wd_buf_reserve(struct wd_buf *b, size_t n)
{
	size_t want, size;
	char *data;

	if (b->err)
		return NULL;
	if (b->data && n <= b->alloc - b->len)
		return b->data + b->len;
	if (b->len > b->cap || n > b->cap - b->len) {
		b->err = -ENOBUFS;
		return NULL;
	}
	want = b->len + n;
	size = b->alloc ? b->alloc : WD_BUF_FIRST;
	while (size < want && size <= b->cap / 2)
		size *= 2;
	if (size < want || size > b->cap)
		size = b->cap;
	/* cap 0 and n 0: still a pointer that may be looked at. */
	data = realloc(b->data, size ? size : 1);
	if (!data) {
		b->err = -ENOMEM;
		return NULL;
	}
	b->data = data;
	b->alloc = size;
	return b->data + b->len;
}

void wd_buf_put_u64(struct wd_buf *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	wd_buf_put(b, digits + at, sizeof(digits) - at);
}

void wd_buf_printf(struct wd_buf *b, const char *fmt, ...)
{
	va_list ap, again;
	size_t room;
	int n;

	if (b->err)
		return;
	va_start(ap, fmt);
	va_copy(again, ap);
	room = b->alloc - b->len;
	n = vsnprintf(room ? b->data + b->len : NULL, room, fmt, ap);
	va_end(ap);
	if (n < 0) {
		b->err = -EINVAL;
	} else if ((size_t)n < room) {
		b->len += (size_t)n;
	} else if (wd_buf_reserve(b, (size_t)n + 1)) {
		/* One byte more than is kept, for the NUL. */
		vsnprintf(b->data + b->len, (size_t)n + 1, fmt, again);
		b->len += (size_t)n;
	}
	va_end(again);
}
