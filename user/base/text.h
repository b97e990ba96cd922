/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Text from outside on its way to a terminal: names, comm, comments, reasons.
 *
 * C0 and C1 control characters, DEL, bidirectional controls, zero-width and line
 * separators, and bytes that are not valid UTF-8 are written as visible escapes
 * (\n, \x1b, \u{202e}); so no byte from outside can move a cursor, set a colour,
 * or reorder a line. A backslash stays as it is: the escapes are made to be seen, not to be
 * undone.
 */
#ifndef WD_BASE_TEXT_H
#define WD_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Appends s (n bytes; need not be terminated) to b, escaped. */
void wd_text_escape(struct wd_buf *b, const char *s, size_t n);
/* Columns that the UTF-8 text takes in a terminal; for already escaped text. */
size_t wd_text_width(const char *s, size_t n);
/* Columns of one code point: 0, 1 or 2. */
size_t wd_text_columns(unsigned int cp);
/* Length in bytes of the valid UTF-8 sequence at s (1..4), or 0. Stores the
 * code point. */
size_t wd_text_utf8(const char *s, size_t n, unsigned int *ret);
/* Controls, and what cannot be seen or changes the order of what can: to be escaped. */
bool wd_text_is_hidden(unsigned int cp);

#endif
