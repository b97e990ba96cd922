/* SPDX-License-Identifier: Apache-2.0 */
#include "model/flow.h"

uint64_t wd_flow_drop_count(const struct wd_flow *f)
{
	unsigned int n = f->n_drops < WD_FLOW_DROPS_MAX ? f->n_drops : WD_FLOW_DROPS_MAX;
	uint64_t sum = f->drops_beyond;

	for (unsigned int i = 0; i < n; i++)
		sum += f->drops[i].before + f->drops[i].d.count;
	return sum;
}
