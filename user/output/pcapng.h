/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Blocks of a pcapng file (draft-ietf-opsawg-pcapng; sections are named in pcapng.c).
 *
 * Own code, since no library of Debian's does it: libpcap reads pcapng but writes only the
 * old format, which has neither comments nor devices, and libwiretap is Wireshark's own and
 * without a stable interface.
 *
 * Each call appends one whole block, or nothing and sets `err` of the buffer: so a file that
 * is written block by block is valid wherever it ends. Texts may come from anybody: they
 * become UTF-8 without control characters (base/text.h) and are cut at WD_PCAPNG_TEXT_MAX.
 */
#ifndef WD_OUTPUT_PCAPNG_H
#define WD_OUTPUT_PCAPNG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Longest text of an option, in bytes. */
#define WD_PCAPNG_TEXT_MAX     8192
#define WD_PCAPNG_COMMENTS_MAX 16

struct wd_pcapng_section {
	const char *hardware, *os, *application; /* each NULL or "": left out */
};

struct wd_pcapng_interface {
	const char *name, *description; /* each NULL or "": left out */
	uint32_t snaplen;
};

/* Section 4.3.1, bits 0 and 1. */
enum wd_pcapng_direction {
	WD_PCAPNG_UNKNOWN,
	WD_PCAPNG_IN,
	WD_PCAPNG_OUT,
};

struct wd_pcapng_packet {
	uint32_t interface;  /* in the order in which they were written, from 0 */
	uint64_t wall_ns;    /* since 1970 */
	const uint8_t *data; /* starts with an IPv4 or IPv6 header */
	uint32_t caplen;
	uint32_t len; /* of the packet, not less than caplen */
	enum wd_pcapng_direction direction;
	const char *comment; /* each line becomes a comment of its own; NULL or "": none */
};

void wd_pcapng_section(struct wd_buf *b, const struct wd_pcapng_section *s);
void wd_pcapng_interface(struct wd_buf *b, const struct wd_pcapng_interface *i);
void wd_pcapng_packet(struct wd_buf *b, const struct wd_pcapng_packet *p);
/* Length of the block at the start of data, of which there are n bytes: a multiple of 4 and at
 * most n; 0 when there is no whole one. */
size_t wd_pcapng_block(const void *data, size_t n);

#endif
