/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Targets that follow the cluster: resolves the TARGET words whenever the cluster has changed, and
 * brings the kernel's map up to date, what is new first.
 *
 * Before anything is known of the cluster, and where nothing can be known, the default targets
 * are everything: an attempt that happens meanwhile is seen.
 */
#ifndef WD_CMD_FOLLOW_H
#define WD_CMD_FOLLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "cmd/cluster.h"
#include "model/spec.h"
#include "probe/probe.h"

struct wd_follow;

/* spec, targets and cluster must outlive it. Sets targets->all if that is how it begins, so it
 * comes before the probes. -ENOMEM. */
int wd_follow_new(struct wd_spec *spec, struct wd_targets *targets, struct wd_cluster *cluster,
                  struct wd_follow **ret);
void wd_follow_probe(struct wd_follow *f, struct wd_probe *probe);
void wd_follow_free(struct wd_follow *f);
/* Often; does something only if the cluster has changed. */
void wd_follow_run(struct wd_follow *f, uint64_t now_ns);
/* The first word on what the targets are has been said: a reproducer may start. */
bool wd_follow_ready(const struct wd_follow *f, uint64_t now_ns);

#endif
