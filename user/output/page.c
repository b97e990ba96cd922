/* SPDX-License-Identifier: Apache-2.0 */
#include "output/page.h"

#include "base/clock.h"
#include "base/text.h"

/* The marks of page.h, as bytes; and what a colour code begins with. */
#define CHUNK '\x01'
#define NBSP  '\x02'
#define SGR   '\x1b'

void wd_page_begin(struct wd_page *p, struct wd_buf *b, const struct wd_text_style *st)
{
	unsigned int width = st->width;

	if (width && width < WD_PAGE_WIDTH_MIN)
		width = WD_PAGE_WIDTH_MIN;
	*p = (struct wd_page){
		.b = b,
		.start = b->len,
		.line = b->len,
		.width = width,
		/* Under the name after the time; less where columns are dear. */
		.body = width && width < 60 ? 2 : 10,
		.colour = st->colour,
	};
}

void wd_page_end(struct wd_page *p)
{
	if (p->b->err)
		p->b->len = p->start;
}

void wd_page_line(struct wd_page *p, unsigned int indent, unsigned int hang)
{
	p->line = p->b->len;
	p->indent = indent;
	p->hang = hang;
}

void wd_page_row(struct wd_page *p, const char *label)
{
	size_t n = strlen(label);

	/* Items of a list hang two columns deeper, so that each one's begin can be seen. */
	wd_page_line(p, p->body, p->body + WD_PAGE_LABEL + 2);
	if (n) {
		wd_page_colour(p, WD_PAGE_DIM);
		wd_page_own(p, label);
		wd_page_colour(p, WD_PAGE_PLAIN);
	}
	do
		wd_page_own(p, WD_PAGE_NBSP);
	while (++n < WD_PAGE_LABEL);
}

void wd_page_own(struct wd_page *p, const char *s)
{
	wd_buf_puts(p->b, s);
}

void wd_page_put(struct wd_page *p, const char *s)
{
	wd_text_escape(p->b, s, strlen(s));
}

static bool is_name_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("-._/:@+~#%", c));
}

void wd_page_name(struct wd_page *p, const char *s)
{
	size_t i = 0;

	while (is_name_byte(s[i]))
		i++;
	if (i && !s[i]) {
		wd_page_put(p, s);
		return;
	}
	/* A comm may hold 15 bytes of anything, "x) -> 1.2.3.4" too. */
	wd_page_own(p, "\"");
	for (;;) {
		i = strcspn(s, " \"\\");
		wd_text_escape(p->b, s, i);
		s += i;
		if (!*s)
			break;
		wd_page_own(p, *s == ' ' ? WD_PAGE_NBSP : *s == '"' ? "\\\"" : "\\\\");
		s++;
	}
	wd_page_own(p, "\"");
}

void wd_page_u64(struct wd_page *p, uint64_t v)
{
	wd_buf_put_u64(p->b, v);
}

void wd_page_span(struct wd_page *p, uint64_t ms)
{
	char span[WD_SPAN_STRLEN];

	wd_clock_format_span(ms, span);
	for (char *s = span; *s; s++)
		if (*s == ' ')
			*s = NBSP;
	wd_page_own(p, span);
}

void wd_page_time(struct wd_page *p, uint64_t wall_ns)
{
	char at[9];

	wd_page_own(p, wall_ns ? wd_clock_format_local(wall_ns, at) : "--:--:--");
	wd_page_own(p, WD_PAGE_NBSP WD_PAGE_NBSP);
}

void wd_page_colour(struct wd_page *p, enum wd_page_colour c)
{
	static const char *const codes[] = {
		[WD_PAGE_PLAIN] = "\x1b[0m",   [WD_PAGE_BOLD] = "\x1b[1m",
		[WD_PAGE_DIM] = "\x1b[2m",     [WD_PAGE_RED] = "\x1b[1;31m",
		[WD_PAGE_YELLOW] = "\x1b[33m",
	};

	if (p->colour)
		wd_page_own(p, codes[c]);
}

/* ---- wrapping ---- */

struct wrap {
	struct wd_buf *b;
	size_t floor; /* where the wrapped form begins */
	unsigned int width, hang;
	size_t col; /* columns of this line until now */
	bool fresh; /* nothing but the indent so far */
};

static size_t find_byte(const char *s, size_t n, char c)
{
	const char *at = memchr(s, c, n);

	return at ? (size_t)(at - s) : n;
}

/* Columns of a piece; colour codes take none, marks and bytes that are no text take one. */
static size_t piece_width(const char *s, size_t n)
{
	size_t columns = 0, run;

	for (;;) {
		run = find_byte(s, n, SGR);
		columns += wd_text_width(s, run);
		if (run == n)
			return columns;
		s += run;
		n -= run;
		run = find_byte(s, n, 'm');
		run += run < n;
		s += run;
		n -= run;
	}
}

static void wrap_indent(struct wrap *w, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		wd_buf_putc(w->b, ' ');
	w->col = n;
	w->fresh = true;
}

static void wrap_newline(struct wrap *w)
{
	while (w->b->len > w->floor && w->b->data[w->b->len - 1] == ' ')
		w->b->len--;
	wd_buf_putc(w->b, '\n');
}

/* Puts a piece after a blank, or on a new line when it does not fit. */
static void wrap_piece(struct wrap *w, const char *s, size_t n)
{
	size_t columns = piece_width(s, n), run;

	if (!w->fresh) {
		if (w->width && w->col + 1 + columns > w->width) {
			wrap_newline(w);
			wrap_indent(w, w->hang);
		} else {
			wd_buf_putc(w->b, ' ');
			w->col++;
		}
	}
	w->col += columns;
	w->fresh = false;
	for (; n; s += run, n -= run) {
		run = find_byte(s, n, NBSP);
		wd_buf_put(w->b, s, run);
		if (run < n) {
			wd_buf_putc(w->b, ' ');
			run++;
		}
	}
}

static void wrap_words(struct wrap *w, const char *s, size_t n)
{
	size_t word;

	for (; n; s += word, n -= word) {
		word = find_byte(s, n, ' ');
		if (word)
			wrap_piece(w, s, word);
		word += word < n;
	}
}

static void wrap_line(struct wrap *w, const char *s, size_t n)
{
	size_t chunk;

	for (; n; s += chunk, n -= chunk) {
		size_t columns;

		chunk = find_byte(s, n, CHUNK);
		columns = piece_width(s, chunk);
		if (w->width && !w->fresh && w->col + 1 + columns > w->width &&
		    w->hang + columns <= w->width) {
			wrap_newline(w);
			wrap_indent(w, w->hang);
		}
		wrap_words(w, s, chunk);
		chunk += chunk < n;
	}
}

void wd_page_break(struct wd_page *p)
{
	struct wd_buf *b = p->b;
	struct wrap w = {.b = b, .width = p->width, .hang = p->hang};
	size_t raw, breaks = 0;
	char *line;

	if (b->err)
		return;
	raw = b->len - p->line;
	for (size_t i = p->line; i < b->len; i++)
		breaks += b->data[i] == ' ' || b->data[i] == CHUNK;
	/* The wrapped form goes behind the raw one, and then over it. The most that it can need
	 * is reserved first, so that the raw one stays where it is meanwhile. */
	if (!wd_buf_reserve(b, raw + p->indent + breaks * (p->hang + 2) + 2))
		return;
	line = b->data + p->line;
	w.floor = b->len;
	wrap_indent(&w, p->indent);
	wrap_line(&w, line, raw);
	wrap_newline(&w);
	raw = w.floor - p->line;
	memmove(line, line + raw, b->len - w.floor);
	b->len -= raw;
	p->line = b->len;
}
