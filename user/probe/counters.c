/* SPDX-License-Identifier: Apache-2.0 */
#include "probe/counters.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "base/cleanup.h"

int wd_counters_reason(int reasons_fd, uint32_t reason, struct wd_abi_reason_stat *ret)
{
	int cpus = libbpf_num_possible_cpus();
	WD_AUTO_FREE struct wd_abi_reason_stat *v = NULL;

	if (cpus <= 0)
		return cpus ? cpus : -EINVAL;
	v = calloc((size_t)cpus, sizeof(*v));
	if (!v)
		return -ENOMEM;
	if (bpf_map_lookup_elem(reasons_fd, &reason, v) < 0)
		return -errno;
	memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < cpus; i++) {
		ret->hits += v[i].hits;
		ret->delivered += v[i].delivered;
		ret->aggregated += v[i].aggregated;
		ret->filtered += v[i].filtered;
		ret->lost_ring += v[i].lost_ring;
	}
	return 0;
}

static int read_stat(int fd, uint32_t stat, uint64_t *v, int cpus, uint64_t *ret)
{
	if (bpf_map_lookup_elem(fd, &stat, v) < 0)
		return -errno;
	for (int i = 0; i < cpus; i++)
		*ret += v[i];
	return 0;
}

int wd_counters_read(int stats_fd, int reasons_fd, struct wd_stats *s)
{
	int cpus = libbpf_num_possible_cpus(), r = 0;
	WD_AUTO_FREE uint64_t *v = NULL;
	struct wd_abi_reason_stat one;

	if (cpus <= 0)
		return cpus ? cpus : -EINVAL;
	v = calloc((size_t)cpus, sizeof(*v));
	if (!v)
		return -ENOMEM;
	for (uint32_t i = 0; i < WD_REASON_SLOTS && r >= 0; i++) {
		r = wd_counters_reason(reasons_fd, i, &one);
		if (r < 0)
			return r;
		s->drop_hits += one.hits;
		s->drop_delivered += one.delivered;
		s->drop_aggregated += one.aggregated;
		s->drop_filtered += one.filtered;
		s->drop_lost_ring += one.lost_ring;
	}
	const struct {
		uint32_t stat;
		uint64_t *to;
	} all[] = {
		{WD_STAT_CONN_TRACKED, &s->conn_tracked},
		{WD_STAT_CONN_DELIVERED, &s->conn_delivered},
		{WD_STAT_CONN_LOST_RING, &s->conn_lost_ring},
		{WD_STAT_CONN_LOST_TABLE, &s->conn_lost_table},
		{WD_STAT_CONN_EVICTED, &s->conn_evicted},
		{WD_STAT_READ_ERROR, &s->read_error},
		{WD_STAT_LIMITED, &s->limited},
		{WD_STAT_SNAP_LOST, &s->snap_lost},
	};
	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]) && r >= 0; i++)
		r = read_stat(stats_fd, all[i].stat, v, cpus, all[i].to);
	return r;
}

int wd_counters_stat(int stats_fd, uint32_t stat, uint64_t *ret)
{
	int cpus = libbpf_num_possible_cpus();
	WD_AUTO_FREE uint64_t *v = cpus > 0 ? calloc((size_t)cpus, sizeof(*v)) : NULL;

	if (!v)
		return cpus > 0 ? -ENOMEM : -EINVAL;
	*ret = 0;
	return read_stat(stats_fd, stat, v, cpus, ret);
}

uint64_t wd_counters_misses(int prog_fd)
{
	struct bpf_prog_info info;
	uint32_t len = sizeof(info);

	memset(&info, 0, sizeof(info));
	if (prog_fd < 0 || bpf_obj_get_info_by_fd(prog_fd, &info, &len) < 0)
		return 0;
	return info.recursion_misses;
}
