/* SPDX-License-Identifier: Apache-2.0 */
#include "model/stats.h"

uint64_t wd_stats_lost(const struct wd_stats *s)
{
	/* What is no loss is listed, not what is: a counter that somebody adds and forgets here
	 * then shows as a loss too many, never as one that nobody is told about. */
	const uint64_t no_loss = s->drop_hits + s->drop_delivered + s->drop_aggregated +
	                         s->drop_filtered + s->conn_tracked + s->conn_delivered +
	                         s->findings + s->findings_folded;
	uint64_t sum = 0;

#define X(field, meaning) sum += s->field;
	WD_STATS(X)
#undef X
	return sum - no_loss;
}
