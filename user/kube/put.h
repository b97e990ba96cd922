/* SPDX-License-Identifier: Apache-2.0 */
/* The members of a JSON object, one after the other into a buffer; for encode.c alone. */
#ifndef WD_KUBE_PUT_H
#define WD_KUBE_PUT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"
#include "kube/encode.h"
#include "model/cluster.h"

/* The comma before a member or an element, unless it is the first. */
static inline void sep(struct wd_buf *b)
{
	char last = b->len ? b->data[b->len - 1] : '{';

	if (last != '{' && last != '[')
		wd_buf_putc(b, ',');
}

static inline void key(struct wd_buf *b, const char *name)
{
	sep(b);
	wd_encode_string(b, name);
	wd_buf_putc(b, ':');
}

static inline void open_as(struct wd_buf *b, const char *name, char bracket)
{
	key(b, name);
	wd_buf_putc(b, bracket);
}

static inline void element(struct wd_buf *b)
{
	sep(b);
	wd_buf_putc(b, '{');
}

static inline void shut(struct wd_buf *b, char bracket)
{
	wd_buf_putc(b, bracket);
}

/* Absent when "". */
static inline void text(struct wd_buf *b, const char *name, const char *value)
{
	if (!value[0])
		return;
	key(b, name);
	wd_encode_string(b, value);
}

/* Absent when 0. */
static inline void number(struct wd_buf *b, const char *name, uint64_t value)
{
	if (!value)
		return;
	key(b, name);
	wd_buf_put_u64(b, value);
}

static inline void flag(struct wd_buf *b, const char *name, bool value)
{
	key(b, name);
	wd_buf_puts(b, value ? "true" : "false");
}

static inline void labels(struct wd_buf *b, const char *name, const struct wd_labels *l)
{
	if (!l->n)
		return;
	open_as(b, name, '{');
	for (unsigned int i = 0; i < l->n; i++) {
		key(b, l->v[i].key);
		wd_encode_string(b, l->v[i].value);
	}
	shut(b, '}');
}

static inline void addr_text(struct wd_buf *b, const char *name, const struct wd_addr *a)
{
	char s[WD_ADDR_STRLEN];

	text(b, name, wd_addr_format(a, s));
}

static inline void addrs(struct wd_buf *b, const char *name, const struct wd_addr *v,
                         unsigned int n)
{
	char s[WD_ADDR_STRLEN];

	if (!n)
		return;
	open_as(b, name, '[');
	for (unsigned int i = 0; i < n; i++) {
		sep(b);
		wd_encode_string(b, wd_addr_format(&v[i], s));
	}
	shut(b, ']');
}

/* As [{"ip":…},…]. */
static inline void addr_objects(struct wd_buf *b, const char *name, const struct wd_addr *v,
                                unsigned int n)
{
	if (!n)
		return;
	open_as(b, name, '[');
	for (unsigned int i = 0; i < n; i++) {
		element(b);
		addr_text(b, "ip", &v[i]);
		shut(b, '}');
	}
	shut(b, ']');
}

static inline void prefix_text(struct wd_buf *b, const char *name, const struct wd_prefix *p)
{
	char s[WD_PREFIX_STRLEN];

	text(b, name, wd_prefix_format(p, s));
}

static inline void prefixes(struct wd_buf *b, const char *name, const struct wd_prefix *v,
                            unsigned int n)
{
	char s[WD_PREFIX_STRLEN];

	if (!n)
		return;
	open_as(b, name, '[');
	for (unsigned int i = 0; i < n; i++) {
		sep(b);
		wd_encode_string(b, wd_prefix_format(&v[i], s));
	}
	shut(b, ']');
}

static inline void proto(struct wd_buf *b, uint8_t p)
{
	text(b, "protocol", p == 6 ? "TCP" : p == 17 ? "UDP" : p == 132 ? "SCTP" : "unknown");
}

#endif
