/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The packets behind each finding, as a pcapng file (--pcap).
 *
 * Headers of packets are kept for each connection until an answer on it comes: the final
 * one is written, as comment, with each of its packets; an interim one is only noted, and
 * written if no final one ever comes. A packet is written once. Nobody asks about most
 * connections: what is kept of them is forgotten for newer ones.
 *
 * Of a connection the first half of WD_CAPTURE_KEEP packets is kept and the last half.
 * Memory is fixed at wd_capture_new(), and touched only as it fills. Connections that have
 * been answered and met nothing bad since have a smaller table of their own, so that ten
 * thousand healthy ones a second do not push out the one that still waits for its SYN-ACK.
 *
 * Packets are found by the tuple of the connection as its client dialled it: through
 * conntrack's original tuple, which also teaches what later packets without it (those that
 * a hook saw before conntrack did) belong to; and by the backend that a finding names.
 *
 * Pure: appends blocks to the caller's buffer (output/pcapng.h), whole or not at all. A
 * finding's texts are used during the call only; those of events (reason, function) must
 * live until wd_capture_finish().
 */
#ifndef WD_OUTPUT_CAPTURE_H
#define WD_OUTPUT_CAPTURE_H

#include <stdint.h>

#include "base/buf.h"
#include "model/event.h"
#include "model/finding.h"
#include "output/pcapng.h"

#define WD_CAPTURE_KEEP 16

struct wd_capture;

/* 0: the default. -EINVAL when packets is less than 2 * WD_CAPTURE_KEEP. */
struct wd_capture_limits {
	unsigned int open; /* connections that nobody has answered, or that met an error; 4096 */
	unsigned int answered; /* others; 1024 */
	unsigned int packets;  /* of all; 16384 */
};

struct wd_capture_counts {
	uint64_t packets;  /* written */
	uint64_t findings; /* to which they belong */
	uint64_t empty;    /* findings of which no packet was seen */
	uint64_t lost;     /* packets of findings that found no room in the buffer */
};

/* limits may be NULL. -EINVAL, -ENOMEM. */
int wd_capture_new(const struct wd_capture_limits *limits, struct wd_capture **ret);
void wd_capture_free(struct wd_capture *c);
/* First of all: the head of the file. */
void wd_capture_start(struct wd_buf *b, const struct wd_pcapng_section *s);
/* e: WD_EVENT_SNAP; others are ignored. wall_offset_ns: wd_clock_wall_offset_ns(). */
void wd_capture_packet(struct wd_capture *c, struct wd_buf *b, const struct wd_event *e,
                       int64_t wall_offset_ns);
void wd_capture_finding(struct wd_capture *c, struct wd_buf *b, const struct wd_finding *f);
/* At the end: what belongs to interim answers that no final one followed. */
void wd_capture_finish(struct wd_capture *c, struct wd_buf *b);
const struct wd_capture_counts *wd_capture_counts(const struct wd_capture *c);

#endif
