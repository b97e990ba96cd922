/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines and words of a text that somebody else wrote: (pointer, length) pairs into the
 * text, nothing copied, nothing terminated.
 *
 * A last line without newline was cut by a cap or by its writer and is not given out:
 * half a number reads like a number.
 */
#ifndef WD_NODE_LINES_H
#define WD_NODE_LINES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct wd_span {
	const char *p;
	size_t n;
};

static inline struct wd_span wd_span(const char *p, size_t n)
{
	return (struct wd_span){.p = p, .n = n};
}

/* Takes the next whole line (without newline) off rest; false at the end. */
static inline bool wd_span_line(struct wd_span *rest, struct wd_span *ret)
{
	const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!nl)
		return false;
	*ret = wd_span(rest->p, (size_t)(nl - rest->p));
	rest->p += ret->n + 1;
	rest->n -= ret->n + 1;
	return true;
}

/* Takes the next word off rest; blanks and tabs separate. False: no more. */
static inline bool wd_span_word(struct wd_span *rest, struct wd_span *ret)
{
	size_t i = 0, start;

	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t'))
		i++;
	start = i;
	while (i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t')
		i++;
	if (i == start)
		return false;
	*ret = wd_span(rest->p + start, i - start);
	rest->p += i;
	rest->n -= i;
	return true;
}

/* Fills w[0..max) with the words of a line; returns how many there are (at most max). */
static inline unsigned int wd_span_words(struct wd_span line, struct wd_span *w, unsigned int max)
{
	unsigned int n = 0;

	while (n < max && wd_span_word(&line, &w[n]))
		n++;
	return n;
}

static inline bool wd_span_is(const struct wd_span *s, const char *text)
{
	return s->n == strlen(text) && !memcmp(s->p, text, s->n);
}

static inline bool wd_span_begins(const struct wd_span *s, const char *text)
{
	return s->n >= strlen(text) && !memcmp(s->p, text, strlen(text));
}

/* The value of a digit, or 255. */
static inline unsigned int wd_digit(char c)
{
	if (c >= '0' && c <= '9')
		return (unsigned int)(c - '0');
	if (c >= 'a' && c <= 'f')
		return (unsigned int)(c - 'a') + 10;
	if (c >= 'A' && c <= 'F')
		return (unsigned int)(c - 'A') + 10;
	return 255;
}

/* The whole slice is one number of this base (10 or 16, no sign, no prefix) <= max. */
static inline bool wd_span_number(const struct wd_span *s, unsigned int base, uint64_t max,
                                  uint64_t *ret)
{
	uint64_t v = 0;

	if (!s->n)
		return false;
	for (size_t i = 0; i < s->n; i++) {
		unsigned int d = wd_digit(s->p[i]);

		if (d >= base || v > (max - d) / base)
			return false;
		v = v * base + d;
	}
	*ret = v;
	return true;
}

/* "0x" and hexadecimal digits. */
static inline bool wd_span_hex0x(const struct wd_span *s, uint64_t max, uint64_t *ret)
{
	struct wd_span digits;

	if (!wd_span_begins(s, "0x"))
		return false;
	digits = wd_span(s->p + 2, s->n - 2);
	return wd_span_number(&digits, 16, max, ret);
}

/* Copies the slice to a C string; false when it does not fit or holds a NUL. */
static inline bool wd_span_copy(const struct wd_span *s, char *to, size_t size)
{
	if (s->n >= size || memchr(s->p, '\0', s->n))
		return false;
	memcpy(to, s->p, s->n);
	to[s->n] = '\0';
	return true;
}

#endif
