/* SPDX-License-Identifier: Apache-2.0 */
/* What a packet of a capture file says about itself and its finding: a few lines of text.
 * What comes from outside is escaped, so that each line feed is one of ours. */
#ifndef WD_OUTPUT_COMMENT_H
#define WD_OUTPUT_COMMENT_H

#include "base/buf.h"
#include "model/event.h"
#include "model/finding.h"

struct wd_comment_packet {
	enum wd_sight sight;
	const char *reason, *function; /* DROP; each NULL when unknown */
	const char *device;            /* "" unknown */
};

/* One line, with its line feed: "dropped here: NETFILTER_DROP in nf_hook_slow, device eth0". */
void wd_comment_packet(struct wd_buf *b, const struct wd_comment_packet *p);
/* Lines, without the last line feed. */
void wd_comment_finding(struct wd_buf *b, const struct wd_finding *f);

#endif
