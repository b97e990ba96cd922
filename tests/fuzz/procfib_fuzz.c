/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/PID/net/fib_trie. */
#include "fuzz.h"

#include "node/procfib.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(
		"Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n"
		"     +-- 10.1.1.0/24 2 0 2\n        |-- 10.1.1.0\n           /24 link UNICAST\n"
		"        |-- 10.1.1.2\n           /32 host LOCAL\n"
		"Local:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 127.0.0.0\n        /8 host LOCAL\n"
		"        /32 link BROADCAST tos=4\n"),
	WD_FUZZ_TEXT(
		"Id 77:\n  |-- 10.8.0.0\n     /16 universe BLACKHOLE\n     /17 universe THROW\n"
		"Main:\n  |-- 10.9.0.0\n     /16 universe UNREACHABLE\n     /24 link PROHIBIT\n"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t dests[] = {0, 0x0a010102, 0x7f000001, UINT32_MAX};
	struct wd_fib_entry e;
	struct wd_procfib it;
	size_t n = 0;

	wd_procfib_init(&it, (const char *)data, size);
	while (wd_procfib_next(&it, &e)) {
		WD_FUZZ_CHECK(++n <= size);
		WD_FUZZ_CHECK(e.bits <= 32);
		WD_FUZZ_CHECK((unsigned int)e.table <= WD_FIB_OTHER);
		WD_FUZZ_CHECK((unsigned int)e.type <= WD_FIB_THROW);
	}
	for (size_t i = 0; i < sizeof(dests) / sizeof(dests[0]); i++)
		WD_FUZZ_CHECK((unsigned int)wd_procfib_main_type((const char *)data, size,
		                                                 dests[i]) <= WD_FIB_THROW);
	return 0;
}
