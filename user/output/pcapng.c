/* SPDX-License-Identifier: Apache-2.0 */
/* draft-ietf-opsawg-pcapng-03; numbers are in the byte order of this machine (3.6.1). */
#include "output/pcapng.h"

#include <string.h>

#include "base/text.h"

/* 3.1, 4.1 */
#define BLOCK_SECTION   0x0a0d0d0au
#define BLOCK_INTERFACE 1u
#define BLOCK_PACKET    6u
#define BYTE_ORDER      0x1a2b3c4du

/* 3.5; 4.1; 4.2; 4.3: options, each valid in its own block */
#define OPT_END        0
#define OPT_COMMENT    1
#define SHB_HARDWARE   2
#define SHB_OS         3
#define SHB_USERAPPL   4
#define IF_NAME        2
#define IF_DESCRIPTION 3
#define IF_TSRESOL     9
#define EPB_FLAGS      2
#define LINKTYPE_RAW   101 /* starts with the IP header, whose version tells which */
#define TSRESOL_NS     9   /* 10^-9 s */
#define BLOCK_LEN_AT   4
#define BLOCK_LEN_MIN  12

static void put_u16(struct wd_buf *b, uint16_t v)
{
	wd_buf_put(b, &v, sizeof(v));
}

static void put_u32(struct wd_buf *b, uint32_t v)
{
	wd_buf_put(b, &v, sizeof(v));
}

/* 3.6.2: to 32 bits, counted from the start of the block, with zeros. */
static void pad(struct wd_buf *b, size_t start)
{
	static const char zeros[4];

	wd_buf_put(b, zeros, -(b->len - start) & 3);
}

static size_t open_block(struct wd_buf *b, uint32_t type)
{
	size_t start = b->len;

	put_u32(b, type);
	put_u32(b, 0);
	return start;
}

static void close_block(struct wd_buf *b, size_t start)
{
	uint32_t len = (uint32_t)(b->len - start) + 4;

	put_u32(b, len);
	if (b->err) {
		b->len = start;
		return;
	}
	memcpy(b->data + start + BLOCK_LEN_AT, &len, sizeof(len));
}

static void put_option(struct wd_buf *b, size_t start, uint16_t code, const void *value, uint16_t n)
{
	put_u16(b, code);
	put_u16(b, n);
	wd_buf_put(b, value, n);
	pad(b, start);
}

/* Cuts at WD_PCAPNG_TEXT_MAX, not within a UTF-8 sequence. */
static void cut(struct wd_buf *b, size_t from)
{
	size_t end = from + WD_PCAPNG_TEXT_MAX;

	if (b->err || b->len <= end)
		return;
	while (end > from && ((unsigned char)b->data[end] & 0xc0) == 0x80)
		end--;
	b->len = end;
}

static void put_text_n(struct wd_buf *b, size_t start, uint16_t code, const char *s, size_t len)
{
	size_t at = b->len;
	uint16_t n;

	if (!len)
		return;
	put_u16(b, code);
	put_u16(b, 0);
	wd_text_escape(b, s, len);
	if (b->err)
		return;
	cut(b, at + 4);
	n = (uint16_t)(b->len - at - 4);
	memcpy(b->data + at + 2, &n, sizeof(n));
	pad(b, start);
}

static void put_text(struct wd_buf *b, size_t start, uint16_t code, const char *s)
{
	if (s)
		put_text_n(b, start, code, s, strlen(s));
}

/* A comment for each line: Wireshark shows no more than 240 bytes of one. */
static void put_comments(struct wd_buf *b, size_t start, const char *s)
{
	for (unsigned int i = 0; s && *s && i < WD_PCAPNG_COMMENTS_MAX; i++) {
		size_t n = strcspn(s, "\n");

		put_text_n(b, start, OPT_COMMENT, s, n);
		s += n + (s[n] == '\n');
	}
}

static void end_options(struct wd_buf *b)
{
	put_u16(b, OPT_END);
	put_u16(b, 0);
}

void wd_pcapng_section(struct wd_buf *b, const struct wd_pcapng_section *s)
{
	const uint64_t unknown_length = UINT64_MAX; /* 4.1: read on until the file ends */
	size_t start = open_block(b, BLOCK_SECTION);

	put_u32(b, BYTE_ORDER);
	put_u16(b, 1); /* version 1.0 */
	put_u16(b, 0);
	wd_buf_put(b, &unknown_length, sizeof(unknown_length));
	put_text(b, start, SHB_HARDWARE, s->hardware);
	put_text(b, start, SHB_OS, s->os);
	put_text(b, start, SHB_USERAPPL, s->application);
	end_options(b);
	close_block(b, start);
}

void wd_pcapng_interface(struct wd_buf *b, const struct wd_pcapng_interface *i)
{
	const uint8_t resolution = TSRESOL_NS;
	size_t start = open_block(b, BLOCK_INTERFACE);

	put_u16(b, LINKTYPE_RAW);
	put_u16(b, 0);
	put_u32(b, i->snaplen);
	put_text(b, start, IF_NAME, i->name);
	put_text(b, start, IF_DESCRIPTION, i->description);
	put_option(b, start, IF_TSRESOL, &resolution, sizeof(resolution));
	end_options(b);
	close_block(b, start);
}

void wd_pcapng_packet(struct wd_buf *b, const struct wd_pcapng_packet *p)
{
	const uint32_t flags = p->direction;
	size_t start = open_block(b, BLOCK_PACKET);

	put_u32(b, p->interface);
	put_u32(b, (uint32_t)(p->wall_ns >> 32));
	put_u32(b, (uint32_t)p->wall_ns);
	put_u32(b, p->caplen);
	put_u32(b, p->len > p->caplen ? p->len : p->caplen);
	wd_buf_put(b, p->data, p->caplen);
	pad(b, start);
	put_comments(b, start, p->comment);
	if (flags)
		put_option(b, start, EPB_FLAGS, &flags, sizeof(flags));
	end_options(b);
	close_block(b, start);
}

size_t wd_pcapng_block(const void *data, size_t n)
{
	uint32_t len;

	if (n < BLOCK_LEN_MIN)
		return 0;
	memcpy(&len, (const char *)data + BLOCK_LEN_AT, sizeof(len));
	return len >= BLOCK_LEN_MIN && len % 4 == 0 && len <= n ? len : 0;
}
