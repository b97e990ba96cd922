/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer with a mandatory cap.
 *
 * Writers never check for errors one by one: once a write does not fit below the
 * cap or memory runs out, `err` is set (-ENOBUFS, -ENOMEM), the write and all
 * later ones are dropped, and the owner looks at `err` once, at the end.
 */
#ifndef WD_BASE_BUF_H
#define WD_BASE_BUF_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wd_buf {
	char *data;
	size_t len;
	size_t alloc;
	size_t cap;
	int err;
};

void wd_buf_init(struct wd_buf *b, size_t cap);
void wd_buf_release(struct wd_buf *b);
/* Forgets content and error, keeps the memory. */
void wd_buf_reset(struct wd_buf *b);

/* Room for n more bytes; NULL (and err set) when there is none. */
char *wd_buf_reserve(struct wd_buf *b, size_t n);

static inline void wd_buf_put(struct wd_buf *b, const void *p, size_t n)
{
	char *at;

	if (n == 0)
		return;
	if (n <= b->alloc - b->len && !b->err) {
		memcpy(b->data + b->len, p, n);
		b->len += n;
		return;
	}
	at = wd_buf_reserve(b, n);
	if (!at)
		return;
	memcpy(at, p, n);
	b->len += n;
}

static inline void wd_buf_putc(struct wd_buf *b, char c)
{
	wd_buf_put(b, &c, 1);
}

static inline void wd_buf_puts(struct wd_buf *b, const char *s)
{
	wd_buf_put(b, s, strlen(s));
}

void wd_buf_put_u64(struct wd_buf *b, uint64_t v);
void wd_buf_printf(struct wd_buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
