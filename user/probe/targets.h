/* SPDX-License-Identifier: Apache-2.0 */
/* The user's targets as entries of the kernel's target maps. */
#ifndef WD_PROBE_TARGETS_H
#define WD_PROBE_TARGETS_H

#include <stdint.h>

#include "bpf/abi.h"
#include "model/target.h"

/*
 * The ports of one prefix, with those of every covering prefix folded in: the kernel
 * asks the longest prefix only.
 * -ENOSPC: more than WD_NET_PORTS different ports.
 */
int wd_targets_ports(const struct wd_targets *t, const struct wd_prefix *p, struct wd_abi_net *ret);

/*
 * Those of the cluster as they are now in place of what they were (NULL: none): what is new
 * first, so that nothing goes unwatched that is in both. `fixed` are the user's own, which stay.
 * Errors of bpf(2); what could not be added is missing, and nothing was taken away.
 */
int wd_targets_change(const struct wd_targets *fixed, const struct wd_hosts *was,
                      const struct wd_hosts *now, int hosts_fd);
/* WD_MATCH_ flags for both. */
uint32_t wd_targets_flags(const struct wd_targets *t);

/* Writes them all; *ret_match becomes the WD_MATCH_ flags. Errors of bpf(2), or -ENOSPC. */
int wd_targets_install(const struct wd_targets *t, int hosts_fd, int nets_fd, uint32_t *ret_match);

#endif
