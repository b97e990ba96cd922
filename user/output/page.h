/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Lines of text for a terminal: words, chunks, hanging indents, colour.
 *
 * A line is collected whole at the end of the buffer, in one long piece, and then replaced
 * by its wrapped form. So pieces may be glued to one word by several calls, and a chunk (what
 * reads best when it stays together, as "-> 10.0.0.1:443") moves to the next line as one.
 *
 * Text from outside enters through wd_page_put() and wd_page_name() only: both escape. What
 * wd_page_own() takes is the program's own, and may hold the marks below.
 */
#ifndef WD_OUTPUT_PAGE_H
#define WD_OUTPUT_PAGE_H

#include <stdbool.h>

#include "output/output.h"

/* Marks in own text; nothing from outside can bring them, since control bytes are escaped. */
#define WD_PAGE_CHUNK "\x01" /* a chunk ends here; break here rather than within; a blank */
#define WD_PAGE_NBSP  "\x02" /* a blank at which a line never breaks */

#define WD_PAGE_WIDTH_MIN 40
#define WD_PAGE_LABEL     10 /* columns of a row's label, with the gap after it */

enum wd_page_colour {
	WD_PAGE_PLAIN,
	WD_PAGE_BOLD,
	WD_PAGE_DIM,
	WD_PAGE_RED,
	WD_PAGE_YELLOW,
};

struct wd_page {
	struct wd_buf *b;
	size_t start;        /* where the whole output begins: what is taken back on failure */
	size_t line;         /* where the line being collected begins */
	unsigned int width;  /* 0: lines do not end */
	unsigned int body;   /* indent of rows */
	unsigned int indent; /* of the line being collected */
	unsigned int hang;   /* of its further lines */
	bool colour;
};

void wd_page_begin(struct wd_page *p, struct wd_buf *b, const struct wd_text_style *st);
/* Takes everything back when not all of it found room. */
void wd_page_end(struct wd_page *p);

/* A line of its own indents. */
void wd_page_line(struct wd_page *p, unsigned int indent, unsigned int hang);
/* A line "label     text", indented to the body; label "" continues a list. */
void wd_page_row(struct wd_page *p, const char *label);
/* Ends the line: wraps it. */
void wd_page_break(struct wd_page *p);

void wd_page_own(struct wd_page *p, const char *s);
void wd_page_put(struct wd_page *p, const char *s);
/* A name from outside, in quotes where it could be taken for something else. */
void wd_page_name(struct wd_page *p, const char *s);
void wd_page_u64(struct wd_page *p, uint64_t v);
/* A duration that stays in one piece. */
void wd_page_span(struct wd_page *p, uint64_t ms);
void wd_page_time(struct wd_page *p, uint64_t wall_ns);
void wd_page_colour(struct wd_page *p, enum wd_page_colour c);

#endif
