/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second pair of eyes on pcapng: reads blocks by the draft's words alone, shares no code with
 * what wrote them, and says what is wrong in the first wrong one.
 */
#ifndef WD_TESTS_OUTPUT_BLOCKS_H
#define WD_TESTS_OUTPUT_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

#define BLOCKS_MAX 256

struct block_packet {
	uint32_t interface, caplen, len, flags;
	uint64_t wall_ns;
	const uint8_t *data;
	unsigned int n_comments;
	char text[2048]; /* its comments, each with a line feed */
};

struct blocks {
	unsigned int sections, interfaces, packets;
	char name[BLOCKS_MAX][128], description[BLOCKS_MAX][128];
	char hardware[128], os[128], application[128];
	struct block_packet packet[BLOCKS_MAX];
};

static inline uint32_t block_u32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint16_t block_u16(const uint8_t *p)
{
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline bool block_text_ok(const uint8_t *s, size_t n)
{
	for (size_t i = 0, len; i < n; i += len) {
		unsigned int cp;

		len = wd_text_utf8((const char *)s + i, n - i, &cp);
		if (!len || cp < 0x20 || cp == 0x7f || wd_text_is_hidden(cp))
			return false;
	}
	return true;
}

static inline void block_copy(char *to, size_t room, const uint8_t *s, size_t n)
{
	if (n >= room)
		n = room - 1;
	memcpy(to, s, n);
	to[n] = '\0';
}

static inline const char *block_option(struct blocks *b, uint32_t type, uint16_t code,
                                       const uint8_t *v, uint16_t n)
{
	struct block_packet *p = &b->packet[b->packets % BLOCKS_MAX];
	size_t used = strlen(p->text);

	if (type == 6 && code == 2) {
		if (n != 4)
			return "epb_flags is not 4 bytes";
		p->flags = block_u32(v);
		return NULL;
	}
	if (type == 1 && code == 9)
		return n == 1 && v[0] == 9 ? NULL : "if_tsresol is not 9";
	if (n == 0 || !block_text_ok(v, n))
		return "text is empty, or not UTF-8, or has controls";
	if (type == 6 && code == 1) {
		p->n_comments++;
		snprintf(p->text + used, sizeof(p->text) - used, "%.*s\n", n, (const char *)v);
	} else if (type == 1 && code == 2) {
		block_copy(b->name[b->interfaces % BLOCKS_MAX], 128, v, n);
	} else if (type == 1 && code == 3) {
		block_copy(b->description[b->interfaces % BLOCKS_MAX], 128, v, n);
	} else if (type == 0x0a0d0d0a && code >= 2 && code <= 4) {
		block_copy(code == 2 ? b->hardware : code == 3 ? b->os : b->application, 128, v, n);
	} else {
		return "an option that this block does not have";
	}
	return NULL;
}

static inline const char *block_options(struct blocks *b, uint32_t type, const uint8_t *p, size_t n)
{
	const char *wrong;

	for (;;) {
		uint16_t code, len;
		size_t padded;

		if (n < 4)
			return "options without end";
		code = block_u16(p);
		len = block_u16(p + 2);
		p += 4;
		n -= 4;
		if (code == 0)
			return len || n ? "something follows the end of options" : NULL;
		padded = ((size_t)len + 3) / 4 * 4;
		if (padded > n)
			return "an option is longer than its block";
		for (size_t i = len; i < padded; i++)
			if (p[i])
				return "padding is not zero";
		wrong = block_option(b, type, code, p, len);
		if (wrong)
			return wrong;
		p += padded;
		n -= padded;
	}
}

static inline const char *block_section(struct blocks *b, const uint8_t *p, size_t n)
{
	const char *wrong;

	if (n < 16 || block_u32(p) != 0x1a2b3c4d || block_u16(p + 4) != 1 || block_u16(p + 6) != 0)
		return "not a section of version 1.0";
	if (block_u32(p + 8) != UINT32_MAX || block_u32(p + 12) != UINT32_MAX)
		return "a section of known length";
	wrong = block_options(b, 0x0a0d0d0a, p + 16, n - 16);
	b->sections++;
	return wrong;
}

static inline const char *block_interface(struct blocks *b, const uint8_t *p, size_t n)
{
	const char *wrong;

	if (n < 8 || block_u16(p) != 101 || block_u16(p + 2) != 0)
		return "an interface of another link type";
	b->name[b->interfaces % BLOCKS_MAX][0] = '\0';
	b->description[b->interfaces % BLOCKS_MAX][0] = '\0';
	wrong = block_options(b, 1, p + 8, n - 8);
	b->interfaces++;
	return wrong;
}

static inline const char *block_packet(struct blocks *b, const uint8_t *p, size_t n)
{
	struct block_packet *to = &b->packet[b->packets % BLOCKS_MAX];
	const char *wrong;
	size_t padded;

	memset(to, 0, sizeof(*to));
	if (n < 20)
		return "a packet without head";
	to->interface = block_u32(p);
	to->wall_ns = (uint64_t)block_u32(p + 4) << 32 | block_u32(p + 8);
	to->caplen = block_u32(p + 12);
	to->len = block_u32(p + 16);
	to->data = p + 20;
	if (to->interface >= b->interfaces)
		return "a packet of an interface that is not described";
	if (to->caplen > to->len)
		return "more captured than there was";
	padded = ((size_t)to->caplen + 3) / 4 * 4;
	if (padded > n - 20)
		return "a packet is longer than its block";
	for (size_t i = to->caplen; i < padded; i++)
		if (p[20 + i])
			return "padding of a packet is not zero";
	wrong = block_options(b, 6, p + 20 + padded, n - 20 - padded);
	b->packets++;
	return wrong;
}

/* NULL, or what is wrong. Counts what is there; the first BLOCKS_MAX of each are kept. */
static inline const char *blocks_read(struct blocks *b, const void *data, size_t n)
{
	const uint8_t *p = data;
	const char *wrong = NULL;

	memset(b, 0, sizeof(*b));
	while (n && !wrong) {
		uint32_t type, len;

		if (n < 12)
			return "a block without head";
		type = block_u32(p);
		len = block_u32(p + 4);
		if (len < 12 || len % 4 || len > n || block_u32(p + len - 4) != len)
			return "the two lengths of a block";
		if ((type == 0x0a0d0d0a) != (p == data))
			return "not one section";
		switch (type) {
		case 0x0a0d0d0a:
			wrong = block_section(b, p + 8, len - 12);
			break;
		case 1:
			wrong = block_interface(b, p + 8, len - 12);
			break;
		case 6:
			wrong = block_packet(b, p + 8, len - 12);
			break;
		default:
			return "a block of another type";
		}
		p += len;
		n -= len;
	}
	return wrong;
}

#endif
