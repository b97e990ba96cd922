/* SPDX-License-Identifier: Apache-2.0 */
#include "base/text.h"

#include <stdint.h>

static const char hex[] = "0123456789abcdef";

/* Eight bytes at once: true when each is 0x20..0x7e. */
static bool plain8(const char *s)
{
	const uint64_t ones = 0x0101010101010101ull, high = 0x8080808080808080ull;
	uint64_t v;

	memcpy(&v, s, sizeof(v));
	/* The high bit of a byte gets set by: being 0x80 or more; borrowing below 0x20; being
	 * 0x7f, which one more carries over. Carries between bytes only add false alarms. */
	return !((v | (v - ones * 0x20) | (v + ones)) & high);
}

static size_t plain_run(const char *s, size_t n)
{
	size_t i = 0;

	while (n - i >= 8 && plain8(s + i))
		i += 8;
	while (i < n && (uint8_t)s[i] >= 0x20 && (uint8_t)s[i] < 0x7f)
		i++;
	return i;
}

size_t wd_text_utf8(const char *s, size_t n, unsigned int *ret)
{
	const uint8_t *b = (const uint8_t *)s;
	unsigned int cp, least;
	size_t len;

	if (n == 0)
		return 0;
	if (b[0] < 0x80) {
		*ret = b[0];
		return 1;
	}
	if (b[0] >= 0xc2 && b[0] <= 0xdf) {
		len = 2;
		cp = b[0] & 0x1f;
		least = 0x80;
	} else if ((b[0] & 0xf0) == 0xe0) {
		len = 3;
		cp = b[0] & 0x0f;
		least = 0x800;
	} else if (b[0] >= 0xf0 && b[0] <= 0xf4) {
		len = 4;
		cp = b[0] & 0x07;
		least = 0x10000;
	} else {
		return 0;
	}
	if (len > n)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((b[i] & 0xc0) != 0x80)
			return 0;
		cp = cp << 6 | (b[i] & 0x3f);
	}
	if (cp < least || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
		return 0;
	*ret = cp;
	return len;
}

bool wd_text_is_hidden(unsigned int cp)
{
	/* Sorted; Unicode categories Cc, Cf, Zl, Zp, and letters that draw nothing. */
	static const struct {
		unsigned int first, last;
	} ranges[] = {
		{0x00, 0x1f},       /* C0 */
		{0x7f, 0x9f},       /* DEL, C1 */
		{0xad, 0xad},       /* soft hyphen */
		{0x34f, 0x34f},     /* combining grapheme joiner */
		{0x61c, 0x61c},     /* Arabic letter mark */
		{0x115f, 0x1160},   /* Hangul fillers */
		{0x17b4, 0x17b5},   /* Khmer inherent vowels */
		{0x180b, 0x180f},   /* Mongolian selectors, vowel separator */
		{0x200b, 0x200f},   /* zero width space to right-to-left mark */
		{0x2028, 0x202e},   /* line and paragraph separator, bidirectional controls */
		{0x2060, 0x206f},   /* word joiner, invisible operators, isolates */
		{0x3164, 0x3164},   /* Hangul filler */
		{0xfeff, 0xfeff},   /* byte order mark */
		{0xffa0, 0xffa0},   /* half-width Hangul filler */
		{0xfff0, 0xfffb},   /* specials; U+FFFC and U+FFFD can be seen */
		{0xfffe, 0xffff},   /* not characters */
		{0x1bca0, 0x1bca3}, /* shorthand format controls */
		{0x1d173, 0x1d17a}, /* musical format controls */
		{0xe0000, 0xe0fff}, /* tags, variation selectors supplement */
	};

	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]) && cp >= ranges[i].first; i++)
		if (cp <= ranges[i].last)
			return true;
	return false;
}

static void escape_byte(struct wd_buf *b, uint8_t c)
{
	char out[4] = {'\\', 'x', hex[c >> 4], hex[c & 0xf]};

	wd_buf_put(b, out, sizeof(out));
}

static void escape_code_point(struct wd_buf *b, unsigned int cp)
{
	char out[12];
	size_t n = 0;
	int shift = 20;

	if (cp < 0x80) {
		switch (cp) {
		case '\n':
			wd_buf_put(b, "\\n", 2);
			break;
		case '\r':
			wd_buf_put(b, "\\r", 2);
			break;
		case '\t':
			wd_buf_put(b, "\\t", 2);
			break;
		default:
			escape_byte(b, (uint8_t)cp);
		}
		return;
	}
	out[n++] = '\\';
	out[n++] = 'u';
	out[n++] = '{';
	while (cp >> shift == 0)
		shift -= 4;
	for (; shift >= 0; shift -= 4)
		out[n++] = hex[cp >> shift & 0xf];
	out[n++] = '}';
	wd_buf_put(b, out, n);
}

void wd_text_escape(struct wd_buf *b, const char *s, size_t n)
{
	size_t i = 0;

	while (i < n) {
		size_t run = plain_run(s + i, n - i), len;
		unsigned int cp;

		if (run) {
			wd_buf_put(b, s + i, run);
			i += run;
			continue;
		}
		len = wd_text_utf8(s + i, n - i, &cp);
		if (len == 0) {
			escape_byte(b, (uint8_t)s[i]);
			len = 1;
		} else if (wd_text_is_hidden(cp)) {
			escape_code_point(b, cp);
		} else {
			wd_buf_put(b, s + i, len);
		}
		i += len;
	}
}

size_t wd_text_width(const char *s, size_t n)
{
	size_t i = 0, columns = 0;

	while (i < n) {
		size_t run = plain_run(s + i, n - i), len;
		unsigned int cp;

		columns += run;
		i += run;
		if (i == n)
			break;
		len = wd_text_utf8(s + i, n - i, &cp);
		columns += len ? wd_text_columns(cp) : 1;
		i += len ? len : 1;
	}
	return columns;
}
