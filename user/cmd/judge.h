/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From an attempt that is due to a finding: brings what the kernel counted and what the
 * node knows to the diagnosis.
 */
#ifndef WD_CMD_JUDGE_H
#define WD_CMD_JUDGE_H

#include <stdbool.h>
#include <stdint.h>

#include "flow/flow.h"
#include "model/finding.h"
#include "model/flow.h"
#include "model/target.h"
#include "node/node.h"
#include "probe/probe.h"

struct wd_judge;

int wd_judge_new(const char *host_root, const struct wd_targets *targets, struct wd_probe *probe,
                 struct wd_flow_table *flows, struct wd_judge **ret);
void wd_judge_free(struct wd_judge *j);
/* What the judge knows the node by; of the judge. */
struct wd_node *wd_judge_node(struct wd_judge *j);
/* Who knows what the packet hooks could see; NULL nobody. Must outlive the judge's use. */
struct wd_watch;
void wd_judge_watch(struct wd_judge *j, struct wd_watch *w);
/* Who knows whose addresses they are; NULL nobody. Must outlive the judge's use. */
struct wd_cluster;
void wd_judge_cluster(struct wd_judge *j, struct wd_cluster *c);
/* Once a second: notes what was lost until now. */
void wd_judge_tick(struct wd_judge *j, uint64_t now_ns);
/* False when there is nothing to tell after all. *ret is valid until the next call. */
bool wd_judge(struct wd_judge *j, struct wd_flow *f, bool final, uint64_t now_ns,
              struct wd_finding *ret);

#endif
