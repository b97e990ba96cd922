/* SPDX-License-Identifier: Apache-2.0 */
#include "output/writer.h"

#include "base/clock.h"
#include "base/text.h"

static const char hex[] = "0123456789abcdef";

/* What the longest escape of one input byte takes: \u00XX. */
#define ESCAPE_MAX 6

void wd_writer_begin(struct wd_writer *w, struct wd_buf *b, size_t expect)
{
	*w = (struct wd_writer){.buf = b};
	/* Below a cap that is smaller than the guess, what there is will have to do. */
	if (expect > b->cap - b->len)
		expect = b->cap - b->len;
	w->at = wd_buf_reserve(b, expect);
	w->end = w->at ? b->data + b->alloc : NULL;
}

bool wd_writer_grow(struct wd_writer *w, size_t n)
{
	struct wd_buf *b = w->buf;
	size_t used;

	if (!w->at)
		return false;
	used = (size_t)(w->at - (b->data + b->len));
	w->at = wd_buf_reserve(b, used + n);
	if (!w->at) {
		w->end = NULL;
		return false;
	}
	w->at += used;
	w->end = b->data + b->alloc;
	return true;
}

void wd_writer_end(struct wd_writer *w)
{
	wd_writer_raw(w, "\n", 1);
	if (w->at)
		w->buf->len = (size_t)(w->at - w->buf->data);
}

static char *put_u16_escape(char *at, unsigned int v)
{
	at[0] = '\\';
	at[1] = 'u';
	at[2] = hex[v >> 12 & 0xf];
	at[3] = hex[v >> 8 & 0xf];
	at[4] = hex[v >> 4 & 0xf];
	at[5] = hex[v & 0xf];
	return at + 6;
}

static char *put_code_point_escape(char *at, unsigned int cp)
{
	switch (cp) {
	case '\n':
		at[0] = '\\';
		at[1] = 'n';
		return at + 2;
	case '\r':
		at[0] = '\\';
		at[1] = 'r';
		return at + 2;
	case '\t':
		at[0] = '\\';
		at[1] = 't';
		return at + 2;
	default:
		break;
	}
	if (cp < 0x10000)
		return put_u16_escape(at, cp);
	cp -= 0x10000;
	at = put_u16_escape(at, 0xd800 | cp >> 10);
	return put_u16_escape(at, 0xdc00 | (cp & 0x3ff));
}

/* True when each of the eight bytes is ASCII that JSON takes as it is. */
static inline bool plain8(uint64_t v)
{
	const uint64_t ones = 0x0101010101010101ull, high = 0x8080808080808080ull;
	uint64_t quote = v ^ ones * '"', backslash = v ^ ones * '\\';

	/* x - ones has the high bit in the lowest byte that was zero (and in others that were
	 * 0x81 or more: false alarms at most). For 0x20 and 0x7f see base/text.c. */
	return !((v | (v - ones * 0x20) | (v + ones) | (quote - ones) | (backslash - ones)) & high);
}

static char *put_special(char *at, const char **s, size_t n)
{
	unsigned int cp;
	size_t len;

	if (**s == '"' || **s == '\\') {
		at[0] = '\\';
		at[1] = *(*s)++;
		return at + 2;
	}
	len = wd_text_utf8(*s, n, &cp);
	if (len == 0) {
		(*s)++;
		memcpy(at, "\xef\xbf\xbd", 3); /* U+FFFD */
		return at + 3;
	}
	if (wd_text_is_hidden(cp))
		at = put_code_point_escape(at, cp);
	else
		for (size_t i = 0; i < len; i++)
			*at++ = (*s)[i];
	*s += len;
	return at;
}

static size_t put_plain_bytes(char *at, const char *s, size_t n)
{
	size_t i = 0;

	for (; i < n; i++) {
		uint8_t c = (uint8_t)s[i];

		if (c < 0x20 || c >= 0x7f || c == '"' || c == '\\')
			break;
		at[i] = s[i];
	}
	return i;
}

/* Copies up to the first byte that JSON does not take as it is; returns how many. What is left
 * of a text after its blocks of eight is read together with bytes that were copied before. */
static size_t put_plain(char *at, const char *s, size_t n)
{
	size_t i = 0;
	uint64_t v;
	uint32_t half[2];

	for (; n - i >= 8; i += 8) {
		memcpy(&v, s + i, sizeof(v));
		if (!plain8(v))
			return i + put_plain_bytes(at + i, s + i, 8);
		memcpy(at + i, &v, sizeof(v));
	}
	if (n >= 8) {
		memcpy(&v, s + n - 8, sizeof(v));
		if (plain8(v)) {
			memcpy(at + n - 8, &v, sizeof(v));
			return n;
		}
	} else if (n >= 4) {
		memcpy(&half[0], s, sizeof(half[0]));
		memcpy(&half[1], s + n - 4, sizeof(half[1]));
		if (plain8((uint64_t)half[1] << 32 | half[0])) {
			memcpy(at, &half[0], sizeof(half[0]));
			memcpy(at + n - 4, &half[1], sizeof(half[1]));
			return n;
		}
	}
	return i + put_plain_bytes(at + i, s + i, n - i);
}

void wd_writer_string(struct wd_writer *w, const char *s)
{
	size_t n = strlen(s);
	const char *end = s + n;
	char *at;

	/* The worst case at once, so that nothing below need look. */
	if (n > SIZE_MAX / (2 * ESCAPE_MAX) || !wd_writer_room(w, ESCAPE_MAX * n + 2))
		return;
	at = w->at;
	*at++ = '"';
	while (s < end) {
		n = put_plain(at, s, (size_t)(end - s));
		at += n;
		s += n;
		if (s < end)
			at = put_special(at, &s, (size_t)(end - s));
	}
	*at++ = '"';
	w->at = at;
}

void wd_writer_u64(struct wd_writer *w, uint64_t v)
{
	char digits[20];
	size_t i = sizeof(digits);

	if (v < 10) {
		if (wd_writer_room(w, 1))
			*w->at++ = (char)('0' + v);
		return;
	}
	do {
		digits[--i] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	wd_writer_raw(w, digits + i, sizeof(digits) - i);
}

void wd_writer_hex64(struct wd_writer *w, uint64_t v)
{
	if (!wd_writer_room(w, 18))
		return;
	*w->at++ = '"';
	for (int shift = 60; shift >= 0; shift -= 4)
		*w->at++ = hex[v >> shift & 0xf];
	*w->at++ = '"';
}

void wd_writer_addr(struct wd_writer *w, const struct wd_addr *a)
{
	if (!wd_writer_room(w, WD_ADDR_STRLEN + 2))
		return;
	*w->at++ = '"';
	wd_addr_format(a, w->at);
	w->at += strlen(w->at);
	*w->at++ = '"';
}

void wd_writer_time(struct wd_writer *w, uint64_t wall_ns)
{
	if (!wd_writer_room(w, WD_TIME_STRLEN + 2))
		return;
	*w->at++ = '"';
	wd_clock_format_utc(wall_ns, w->at);
	w->at += WD_TIME_STRLEN - 1;
	*w->at++ = '"';
}

void wd_writer_bool(struct wd_writer *w, bool v)
{
	wd_writer_raw(w, v ? "true" : "false", v ? 4 : 5);
}
