/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time. The kernel side stamps records with CLOCK_MONOTONIC (bpf_ktime_get_ns),
 * in nanoseconds; wall-clock time is derived from it only where it is shown.
 */
#ifndef WD_BASE_CLOCK_H
#define WD_BASE_CLOCK_H

#include <stdint.h>

#define WD_NSEC_PER_SEC  1000000000ull
#define WD_NSEC_PER_MSEC 1000000ull
#define WD_NSEC_PER_USEC 1000ull

/* "2026-11-22T12:04:31.218Z" and NUL. */
#define WD_TIME_STRLEN 25
#define WD_SPAN_STRLEN 32

uint64_t wd_clock_monotonic_ns(void);
/* What to add to a monotonic stamp to get nanoseconds since 1970, measured now. */
int64_t wd_clock_wall_offset_ns(void);
/* UTC, RFC 3339 with milliseconds; returns buf. */
char *wd_clock_format_utc(uint64_t wall_ns, char buf[WD_TIME_STRLEN]);
/* "12:04:31" in the local time zone; returns buf. */
char *wd_clock_format_local(uint64_t wall_ns, char buf[9]);
/* A duration for people, cut and not rounded: "450 ms", "3.1 s", "127 s", "12 min 5 s",
 * "3 h 20 min", "4 d 2 h"; returns buf. */
char *wd_clock_format_span(uint64_t ms, char buf[WD_SPAN_STRLEN]);

#endif
