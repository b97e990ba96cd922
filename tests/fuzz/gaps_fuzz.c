/* SPDX-License-Identifier: Apache-2.0 */
/* MISSING of a snapshot, which anybody may have written by hand. */
#include "fuzz.h"

#include "kube/snapshot.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("- pods.json: 403 Forbidden\n~ nodes.json: only those of node a: b\n"
                     "- node/nft.json: exit status 1"),
	WD_FUZZ_TEXT("\n- x\n-y: z\n-  : \n~ : : :\n"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = wd_fuzz_string(data, size);
	struct wd_snapshot_gaps g;

	WD_FUZZ_CHECK(wd_snapshot_gaps_parse(text, &g) == 0);
	free(text);
	WD_FUZZ_CHECK(g.n <= WD_SNAPSHOT_MISSING_MAX);
	for (unsigned int i = 0; i < g.n; i++) {
		WD_FUZZ_CHECK(!strchr(g.v[i].name, '\n') && !strchr(g.v[i].reason, '\n'));
		WD_FUZZ_CHECK(!strstr(g.v[i].name, ": "));
		WD_FUZZ_CHECK(wd_snapshot_gap_find(&g, g.v[i].name) <= &g.v[i]);
	}
	wd_snapshot_gaps_release(&g);
	return 0;
}
