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

/* Writes them all; *ret_match becomes the WD_MATCH_ flags. Errors of bpf(2), or -ENOSPC. */
int wd_targets_install(const struct wd_targets *t, int hosts_fd, int nets_fd, uint32_t *ret_match);

#endif
