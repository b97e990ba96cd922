/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What became of everything that the probes met. For drops the kernel side keeps
 *     hits = delivered + aggregated + filtered + lost
 * exactly; every way to lose something has its own counter here.
 */
#ifndef WD_MODEL_STATS_H
#define WD_MODEL_STATS_H

#include <stdint.h>

/* X(field, meaning). All are totals since the start. */
#define WD_STATS(X)                                                                         \
	X(drop_hits, "packets freed as dropped, before any filter")                         \
	X(drop_delivered, "drops sent to the reader")                                       \
	X(drop_aggregated, "repeats of a drop, counted in the kernel")                      \
	X(drop_filtered, "drops of other targets, or of no interest")                       \
	X(drop_lost_ring, "drops lost: ring buffer full")                                   \
	X(conn_tracked, "connection attempts to the targets")                               \
	X(conn_delivered, "connection records sent to the reader")                          \
	X(conn_lost_ring, "connection records lost: ring buffer full")                      \
	X(limited, "records lost: more than 256 of their kind in a second on one CPU")      \
	X(conn_lost_table, "connection attempts not tracked: table busy or full")           \
	X(conn_evicted, "owners forgotten: connection table full")                          \
	X(read_error, "packets or sockets that could not be read")                          \
	X(drop_missed, "drops not seen: the probe was busy on that CPU (not in drop_hits)") \
	X(conn_missed, "connection events not seen: the probe was busy on that CPU")        \
	X(bad_records, "records refused by the reader")                                     \
	X(flows_evicted, "attempts forgotten by the reader: table full")                    \
	X(drops_unowned_evicted, "drops forgotten before their connection was known")       \
	X(snap_lost, "headers of dropped packets lost: too many at once (--pcap)")          \
	X(findings, "findings printed")                                                     \
	X(findings_folded, "findings like an earlier one, counted in the text output")

#define X(field, meaning) uint64_t field;
struct wd_stats {
	WD_STATS(X)
};
#undef X

/* Sum of all that was lost, evicted or skipped. */
uint64_t wd_stats_lost(const struct wd_stats *s);

#endif
