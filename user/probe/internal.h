/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of this room share. */
#ifndef WD_PROBE_INTERNAL_H
#define WD_PROBE_INTERNAL_H

#include "probe/kernel.h"
#include "probe/probe.h"

/* Descriptors of the maps that the packet hooks share with the probes; owned by p. */
struct wd_probe_maps {
	int ring, stats, hosts, nets;
};

struct wd_probe_maps wd_probe_maps(const struct wd_probe *p);
/* WD_MATCH_*: which target maps are in use now. */
uint32_t wd_probe_match(const struct wd_probe *p);
const struct wd_kernel *wd_probe_kernel(const struct wd_probe *p);

#endif
