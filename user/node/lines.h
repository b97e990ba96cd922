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

struct wd_slice {
	const char *p;
	size_t n;
};

static inline struct wd_slice wd_slice(const char *p, size_t n)
{
	return (struct wd_slice){.p = p, .n = n};
}

/* Takes the next whole line (without newline) off rest; false at the end. */
static inline bool wd_slice_line(struct wd_slice *rest, struct wd_slice *ret)
{
	const char *nl = rest->n ? memchr(rest->p, '\n', rest->n) : NULL;

	if (!nl)
		return false;
	*ret = wd_slice(rest->p, (size_t)(nl - rest->p));
	rest->p += ret->n + 1;
	rest->n -= ret->n + 1;
	return true;
}

/* Takes the next word off rest; blanks and tabs separate. False: no more. */
static inline bool wd_slice_word(struct wd_slice *rest, struct wd_slice *ret)
{
	size_t i = 0, start;

	while (i < rest->n && (rest->p[i] == ' ' || rest->p[i] == '\t'))
		i++;
	start = i;
	while (i < rest->n && rest->p[i] != ' ' && rest->p[i] != '\t')
		i++;
	if (i == start)
		return false;
	*ret = wd_slice(rest->p + start, i - start);
	rest->p += i;
	rest->n -= i;
	return true;
}

/* Fills w[0..max) with the words of a line; returns how many there are (at most max). */
static inline unsigned int wd_slice_words(struct wd_slice line, struct wd_slice *w,
                                          unsigned int max)
{
	unsigned int n = 0;

	while (n < max && wd_slice_word(&line, &w[n]))
		n++;
	return n;
}

static inline bool wd_slice_is(const struct wd_slice *s, const char *text)
{
	return s->n == strlen(text) && !memcmp(s->p, text, s->n);
}

static inline bool wd_slice_begins(const struct wd_slice *s, const char *text)
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
static inline bool wd_slice_number(const struct wd_slice *s, unsigned int base, uint64_t max,
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
static inline bool wd_slice_hex0x(const struct wd_slice *s, uint64_t max, uint64_t *ret)
{
	struct wd_slice digits;

	if (!wd_slice_begins(s, "0x"))
		return false;
	digits = wd_slice(s->p + 2, s->n - 2);
	return wd_slice_number(&digits, 16, max, ret);
}

/* Copies the slice to a C string; false when it does not fit or holds a NUL. */
static inline bool wd_slice_copy(const struct wd_slice *s, char *to, size_t size)
{
	if (s->n >= size || memchr(s->p, '\0', s->n))
		return false;
	memcpy(to, s->p, s->n);
	to[s->n] = '\0';
	return true;
}

#endif
