/* SPDX-License-Identifier: Apache-2.0 */
/* CapEff of /proc/PID/status. */
#include "fuzz.h"

#include "node/privileges.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("Name:\tcurl\nUmask:\t0022\nState:\tR (running)\nCapInh:\t0000000000000000\n"
                     "CapPrm:\t000001ffffffffff\nCapEff:\t000001ffffffffff\nCapBnd:\t0\n"),
	WD_FUZZ_TEXT("Name:\tCapEff:\nCapEff:\t000000c000001000\n"), WD_FUZZ_TEXT("CapEff:\t0\n"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_privileges p;
	uint64_t caps = 0x5a5a;
	int r = wd_privileges_parse((const char *)data, size, &caps);

	WD_FUZZ_CHECK(r <= 0);
	if (r < 0)
		WD_FUZZ_CHECK(caps == 0x5a5a);
	r = wd_privileges_missing_of(caps, size & 1, &p);
	WD_FUZZ_CHECK(r >= 0 && r <= WD_PRIVILEGES_MAX && (unsigned int)r == p.n_required);
	WD_FUZZ_CHECK(p.n_optional <= WD_PRIVILEGES_MAX);
	for (unsigned int i = 0; i < p.n_required; i++)
		WD_FUZZ_CHECK(p.required[i].name && p.required[i].cost);
	for (unsigned int i = 0; i < p.n_optional; i++)
		WD_FUZZ_CHECK(p.optional[i].name && p.optional[i].cost);
	return 0;
}
