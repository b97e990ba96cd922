/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/split.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum state {
	BETWEEN,     /* of a stream: white space or the next object */
	DOCUMENT,    /* of a list: nothing yet */
	KEY_OR_END,  /* after { */
	KEY,         /* after , */
	COLON,       /* after a key */
	MEMBER,      /* after : */
	SCALAR,      /* in a number, true, false or null of the envelope */
	NEXT,        /* after a member */
	ITEM_OR_END, /* after "items":[ */
	ITEM,        /* after , */
	ITEM_NEXT,   /* after an item */
	DONE,        /* after the last } */
	VALUE,       /* within an object to be given out */
	IN_KEY,      /* within a key of the envelope */
	IN_MEMBER,   /* within a string, array or object of the envelope */
};

struct wd_split {
	enum wd_split_kind kind;
	int (*each)(const char *json, size_t n, void *ctx);
	void *ctx;

	enum state state;
	int error;
	uint64_t skipped;
	uint64_t before; /* bytes of all earlier pieces */
	const char *piece;

	/* the value that is being scanned */
	unsigned int depth;
	bool in_string, escaped, whole;
	char closers[WD_SPLIT_DEPTH_MAX];

	struct wd_buf value;    /* its bytes, when it spans pieces */
	bool too_long;          /* its bytes are dropped */
	struct wd_buf envelope; /* of a list */
	size_t member_at;       /* in it: where the last key or scalar begins */
	bool is_items, had_items;
	char err[128];
};

/* What ends a run of bytes that mean nothing to the nesting. */
static const bool ends_plain[256] = {
	[0 ... 8] = true, [11 ... 12] = true, [14 ... 31] = true, ['"'] = true,
	['{'] = true,     ['}'] = true,       ['['] = true,       [']'] = true,
};
static const bool ends_string[256] = {[0 ... 31] = true, ['"'] = true, ['\\'] = true};

int wd_split_new(enum wd_split_kind kind, int (*each)(const char *json, size_t n, void *ctx),
                 void *ctx, struct wd_split **ret)
{
	struct wd_split *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	s->kind = kind;
	s->each = each;
	s->ctx = ctx;
	wd_buf_init(&s->value, WD_SPLIT_VALUE_MAX);
	wd_buf_init(&s->envelope, WD_SPLIT_ENVELOPE_MAX);
	wd_split_reset(s);
	*ret = s;
	return 0;
}

void wd_split_free(struct wd_split *s)
{
	if (!s)
		return;
	wd_buf_release(&s->value);
	wd_buf_release(&s->envelope);
	free(s);
}

void wd_split_reset(struct wd_split *s)
{
	s->state = s->kind == WD_SPLIT_LIST ? DOCUMENT : BETWEEN;
	s->error = 0;
	s->skipped = 0;
	s->before = 0;
	s->piece = NULL;
	s->depth = 0;
	s->in_string = s->escaped = s->whole = false;
	s->too_long = false;
	s->is_items = s->had_items = false;
	s->err[0] = '\0';
	wd_buf_reset(&s->value);
	wd_buf_reset(&s->envelope);
}

/* ---- errors ------------------------------------------------------------------------------ */

/* Returns NULL, so that scanners can return it. */
static const char *fail(struct wd_split *s, const char *at, const char *what)
{
	unsigned long long offset = s->before + (uint64_t)(at - s->piece);

	s->error = -EPROTO;
	snprintf(s->err, sizeof(s->err), "byte %llu: %s", offset, what);
	return NULL;
}

static const char *fail_byte(struct wd_split *s, const char *at, const char *expected)
{
	unsigned char c = (unsigned char)*at;
	char what[96];

	if (c == 0xef && s->before + (uint64_t)(at - s->piece) == 0)
		return fail(s, at, "a byte order mark, which JSON must not have");
	if (c > 0x20 && c < 0x7f)
		snprintf(what, sizeof(what), "'%c' where %s should be", c, expected);
	else
		snprintf(what, sizeof(what), "byte 0x%02x where %s should be", c, expected);
	return fail(s, at, what);
}

/* ---- one value --------------------------------------------------------------------------- */

/* One byte that means something outside of strings. */
static bool nest(struct wd_split *s, const char *at)
{
	switch (*at) {
	case '"':
		s->in_string = true;
		return true;
	case '{':
	case '[':
		if (s->depth == WD_SPLIT_DEPTH_MAX)
			return fail(s, at, "nested too deeply");
		s->closers[s->depth++] = *at == '{' ? '}' : ']';
		return true;
	case '}':
	case ']':
		if (!s->depth || s->closers[s->depth - 1] != *at)
			return fail(s, at, "a bracket closes what was not opened");
		s->whole = --s->depth == 0;
		return true;
	default:
		return fail_byte(s, at, "JSON");
	}
}

/* Within a string: up to and with its quote. */
static const char *string_scan(struct wd_split *s, const char *p, const char *end)
{
	while (p < end) {
		if (s->escaped) {
			if ((unsigned char)*p < 0x20)
				return fail_byte(s, p, "an escape");
			s->escaped = false;
			p++;
			continue;
		}
		while (p < end && !ends_string[(unsigned char)*p])
			p++;
		if (p == end)
			break;
		if (*p == '"') {
			s->in_string = false;
			s->whole = s->depth == 0;
			return p + 1;
		}
		if (*p != '\\')
			return fail_byte(s, p, "a string's text");
		s->escaped = true;
		p++;
	}
	return p;
}

/* Goes on within a value. Returns what follows its last byte, with s->whole set, or end. */
static const char *value_scan(struct wd_split *s, const char *p, const char *end)
{
	while (p < end && !s->whole) {
		if (s->in_string) {
			p = string_scan(s, p, end);
			if (!p)
				return NULL;
			continue;
		}
		while (p < end && !ends_plain[(unsigned char)*p])
			p++;
		if (p == end)
			break;
		if (!nest(s, p))
			return NULL;
		p++;
	}
	return p;
}

static void value_begin(struct wd_split *s, enum state state)
{
	s->state = state;
	s->depth = 0;
	s->in_string = s->escaped = s->whole = false;
	s->too_long = false;
	wd_buf_reset(&s->value);
}

static int value_give(struct wd_split *s, const char *json, size_t n)
{
	int r = s->each(json, n, s->ctx);

	if (r < 0)
		s->error = r;
	return r < 0 ? r : 0;
}

/* n more bytes of an object that is to be given out. One that came in one piece is not copied. */
static int value_take(struct wd_split *s, const char *p, size_t n)
{
	if (!s->too_long && n > WD_SPLIT_VALUE_MAX - s->value.len) {
		s->too_long = true;
		wd_buf_reset(&s->value);
	}
	if (s->whole)
		s->state = s->kind == WD_SPLIT_LIST ? ITEM_NEXT : BETWEEN;
	if (s->too_long) {
		s->skipped += s->whole;
		return 0;
	}
	if (s->whole && !s->value.len)
		return value_give(s, p, n);
	wd_buf_put(&s->value, p, n);
	if (s->value.err)
		return s->error = s->value.err;
	return s->whole ? value_give(s, s->value.data, s->value.len) : 0;
}

static const char *value_feed(struct wd_split *s, const char *p, const char *end)
{
	const char *to = value_scan(s, p, end);

	if (!to || value_take(s, p, (size_t)(to - p)) < 0)
		return NULL;
	return to;
}

/* ---- the envelope of a list -------------------------------------------------------------- */

static bool envelope_put(struct wd_split *s, const char *p, size_t n)
{
	wd_buf_put(&s->envelope, p, n);
	if (s->envelope.err == -ENOBUFS)
		return fail(s, p, "what is not items is too long");
	if (s->envelope.err)
		s->error = s->envelope.err;
	return !s->envelope.err;
}

/* What was put since member_at is this text. */
static bool member_is(const struct wd_split *s, const char *text)
{
	size_t n = strlen(text);

	return s->envelope.len - s->member_at == n &&
	       memcmp(s->envelope.data + s->member_at, text, n) == 0;
}

/* Compared as it is written. An escape in it could spell "items" in another way, and then a
 * list would look empty: no server writes one, so it is refused. */
static bool key_end(struct wd_split *s, const char *at)
{
	const char *key = s->envelope.data + s->member_at;

	s->state = COLON;
	if (memchr(key, '\\', s->envelope.len - s->member_at))
		return fail(s, at, "an escape in a key of the list");
	s->is_items = member_is(s, "\"items\"");
	if (s->is_items && s->had_items)
		return fail(s, at, "items for a second time");
	s->had_items |= s->is_items;
	return true;
}

/* In a key, or in a member that is a string, an array or an object. */
static const char *envelope_feed(struct wd_split *s, const char *p, const char *end)
{
	const char *to = value_scan(s, p, end);

	if (!to || !envelope_put(s, p, (size_t)(to - p)))
		return NULL;
	if (!s->whole)
		return to;
	if (s->state == IN_MEMBER)
		s->state = NEXT;
	else if (!key_end(s, to - 1))
		return NULL;
	return to;
}

static bool is_scalar(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '+' || c == '.';
}

static const char *scalar_feed(struct wd_split *s, const char *p, const char *end)
{
	const char *to = p;

	while (to < end && is_scalar(*to))
		to++;
	if (!envelope_put(s, p, (size_t)(to - p)))
		return NULL;
	if (to == end)
		return to;
	if (s->is_items && !member_is(s, "null"))
		return fail(s, to, "items is not an array");
	s->state = NEXT;
	return to;
}

/* The first byte of a member's value. */
static const char *member_begin(struct wd_split *s, const char *p)
{
	s->member_at = s->envelope.len;
	if (s->is_items && *p == '[') {
		s->state = ITEM_OR_END;
		return envelope_put(s, p, 1) ? p + 1 : NULL;
	}
	if (is_scalar(*p)) {
		s->state = SCALAR;
		return p;
	}
	if (s->is_items)
		return fail(s, p, "items is not an array");
	if (*p != '"' && *p != '{' && *p != '[')
		return fail_byte(s, p, "a value");
	value_begin(s, IN_MEMBER);
	return p;
}

/* One byte, not white space, that belongs to the list itself. */
static const char *list_byte(struct wd_split *s, const char *p)
{
	switch (s->state) {
	case DOCUMENT:
		if (*p != '{')
			return fail_byte(s, p, "a JSON object");
		s->state = KEY_OR_END;
		break;
	case KEY_OR_END:
	case KEY:
		if (*p == '"') {
			s->member_at = s->envelope.len;
			value_begin(s, IN_KEY);
			return p;
		}
		if (s->state == KEY || *p != '}')
			return fail_byte(s, p, "a key");
		s->state = DONE;
		break;
	case COLON:
		if (*p != ':')
			return fail_byte(s, p, "':'");
		s->state = MEMBER;
		break;
	case MEMBER:
		return member_begin(s, p);
	case NEXT:
		if (*p != ',' && *p != '}')
			return fail_byte(s, p, "',' or '}'");
		s->state = *p == ',' ? KEY : DONE;
		break;
	case ITEM_NEXT:
		if (*p == ',') {
			s->state = ITEM;
			return p + 1;
		}
		if (*p != ']')
			return fail_byte(s, p, "',' or ']'");
		s->state = NEXT;
		break;
	case ITEM_OR_END:
		if (*p == ']') {
			s->state = NEXT;
			break;
		}
		/* fall through */
	case ITEM:
		if (*p != '{')
			return fail_byte(s, p, "an item, which is an object,");
		value_begin(s, VALUE);
		return p;
	default:
		return fail_byte(s, p, "the end");
	}
	return envelope_put(s, p, 1) ? p + 1 : NULL;
}

/* ---- feeding ----------------------------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

static const char *step(struct wd_split *s, const char *p, const char *end)
{
	switch (s->state) {
	case VALUE:
		return value_feed(s, p, end);
	case IN_KEY:
	case IN_MEMBER:
		return envelope_feed(s, p, end);
	case SCALAR:
		return scalar_feed(s, p, end);
	default:
		break;
	}
	if (is_blank(*p))
		return p + 1;
	if (s->state != BETWEEN)
		return list_byte(s, p);
	if (*p != '{')
		return fail_byte(s, p, "a JSON object");
	value_begin(s, VALUE);
	return p;
}

int wd_split_feed(struct wd_split *s, const char *bytes, size_t n)
{
	const char *p = bytes, *end = bytes + n;

	s->piece = bytes;
	while (!s->error && p < end)
		p = step(s, p, end);
	s->before += n;
	return s->error;
}

int wd_split_end(struct wd_split *s)
{
	if (s->error || s->state == DONE || s->state == BETWEEN)
		return s->error;
	s->error = -EPROTO;
	if (s->before)
		snprintf(s->err, sizeof(s->err), "byte %llu: it ends in the midst",
		         (unsigned long long)s->before);
	else
		snprintf(s->err, sizeof(s->err), "it is empty");
	return s->error;
}

const char *wd_split_envelope(const struct wd_split *s, size_t *ret_n)
{
	*ret_n = s->envelope.len;
	return s->envelope.data ? s->envelope.data : "";
}

uint64_t wd_split_skipped(const struct wd_split *s)
{
	return s->skipped;
}

const char *wd_split_error(const struct wd_split *s)
{
	return s->err;
}
