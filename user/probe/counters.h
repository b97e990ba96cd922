/* SPDX-License-Identifier: Apache-2.0 */
/* The kernel side's own counters, summed over CPUs. */
#ifndef WD_PROBE_COUNTERS_H
#define WD_PROBE_COUNTERS_H

#include "bpf/abi.h"
#include "model/stats.h"

/* Adds to s what the two counter maps hold. Errors of bpf(2). */
int wd_counters_read(int stats_fd, int reasons_fd, struct wd_stats *s);
/* One of enum wd_abi_stat. */
int wd_counters_stat(int stats_fd, uint32_t stat, uint64_t *ret);
/* How often the kernel skipped this program because it was already running. */
uint64_t wd_counters_misses(int prog_fd);
/* One reason's counters, for tests and benchmarks. */
int wd_counters_reason(int reasons_fd, uint32_t reason, struct wd_abi_reason_stat *ret);

#endif
