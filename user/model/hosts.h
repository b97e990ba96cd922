/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of exact addresses with port and protocol: the targets that follow from Services, their
 * backends and the API server, thousands of them, as against the prefixes that a user types.
 */
#ifndef WD_MODEL_HOSTS_H
#define WD_MODEL_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/addr.h"

/* As many as the kernel's map holds (bpf/maps.bpf.h). */
#define WD_HOSTS_MAX 65536

struct wd_host_key {
	struct wd_addr ip;
	uint16_t port; /* 0: every one */
	uint8_t proto; /* 0: every one */
};

struct wd_hosts;

int wd_hosts_new(struct wd_hosts **ret);
void wd_hosts_free(struct wd_hosts *h);
/* Once each. -ENOMEM; -ENOSPC: WD_HOSTS_MAX are there. */
int wd_hosts_add(struct wd_hosts *h, const struct wd_addr *ip, uint16_t port, uint8_t proto);
bool wd_hosts_has(const struct wd_hosts *h, const struct wd_host_key *k);
/* Of whatever protocol; h may be NULL: empty. */
bool wd_hosts_match(const struct wd_hosts *h, const struct wd_addr *ip, uint16_t port);
uint32_t wd_hosts_count(const struct wd_hosts *h);
/* The i-th, in the order in which they were added. */
const struct wd_host_key *wd_hosts_at(const struct wd_hosts *h, uint32_t i);

#endif
