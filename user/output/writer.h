/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A streaming JSON writer.
 *
 * It writes through a raw pointer into memory reserved from a wd_buf and commits at the
 * end: so an object is in the buffer whole or not at all. Every write checks for room.
 * A member is written by its key as a literal with quotes and colon, e.g. "\"port\":";
 * commas come from the writer. Strings are valid UTF-8 whatever goes in (U+FFFD takes the
 * place of bytes that are not), and what wd_text_is_hidden() names is written as \u escape,
 * which means the same to a program and nothing to a terminal.
 */
#ifndef WD_OUTPUT_WRITER_H
#define WD_OUTPUT_WRITER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"
#include "base/buf.h"

struct wd_writer {
	struct wd_buf *buf;
	char *at; /* next byte; NULL once it has failed: nothing is written any more */
	char *end;
	bool comma; /* a value came before in the same object or array */
};

/* One line: a first object must be opened, and closed before wd_writer_end(). */
void wd_writer_begin(struct wd_writer *w, struct wd_buf *b, size_t expect);
/* Adds the newline and hands the line to the buffer, or leaves the buffer's content alone. */
void wd_writer_end(struct wd_writer *w);

/* Makes room; false when there is none. */
bool wd_writer_grow(struct wd_writer *w, size_t n);
void wd_writer_string(struct wd_writer *w, const char *s);
void wd_writer_u64(struct wd_writer *w, uint64_t v);
void wd_writer_hex64(struct wd_writer *w, uint64_t v);
void wd_writer_addr(struct wd_writer *w, const struct wd_addr *a);
void wd_writer_time(struct wd_writer *w, uint64_t wall_ns);
void wd_writer_bool(struct wd_writer *w, bool v);

static inline bool wd_writer_room(struct wd_writer *w, size_t n)
{
	return __builtin_expect(n <= (size_t)(w->end - w->at), 1) || wd_writer_grow(w, n);
}

static inline void wd_writer_raw(struct wd_writer *w, const char *s, size_t n)
{
	if (!wd_writer_room(w, n))
		return;
	memcpy(w->at, s, n);
	w->at += n;
}

/* key: a literal such as "\"port\":", or "" within an array. */
static inline void wd_writer_key_n(struct wd_writer *w, const char *key, size_t n)
{
	if (!wd_writer_room(w, n + 1))
		return;
	*w->at = ',';
	w->at += w->comma;
	memcpy(w->at, key, n);
	w->at += n;
	w->comma = true;
}

#define wd_writer_key(w, key) wd_writer_key_n((w), "" key "", sizeof(key) - 1)

/* bracket: "{" or "[". */
static inline void wd_writer_open(struct wd_writer *w, char bracket)
{
	wd_writer_raw(w, &bracket, 1);
	w->comma = false;
}

static inline void wd_writer_close(struct wd_writer *w, char bracket)
{
	wd_writer_raw(w, &bracket, 1);
	w->comma = true;
}

#endif
