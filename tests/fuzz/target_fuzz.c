/* SPDX-License-Identifier: Apache-2.0 */
/* What a user writes as a target: accepted texts mean the same when printed again. */
#include "fuzz.h"

#include "model/target.h"

WD_FUZZ_TEXT_SEEDS(WD_FUZZ_TEXT("10.0.0.1"), WD_FUZZ_TEXT("10.0.0.0/8"),
                   WD_FUZZ_TEXT("10.96.0.0/16:443"), WD_FUZZ_TEXT("0.0.0.0/0:65535"),
                   WD_FUZZ_TEXT("fd00::1"), WD_FUZZ_TEXT("[fd00::1]:443"),
                   WD_FUZZ_TEXT("[fd00::/64]:443"), WD_FUZZ_TEXT("::ffff:10.0.0.1"),
                   WD_FUZZ_TEXT("::/0"), WD_FUZZ_TEXT("all"),
                   WD_FUZZ_TEXT("[1111:2222:3333:4444:5555:6666:7777:8888/128]:65535"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wd_targets t, again;
	char *text = wd_fuzz_string(data, size), buf[WD_TARGET_STRLEN];
	int r;

	t.n = again.n = 0;
	t.all = again.all = false;
	r = wd_targets_add(&t, text);
	free(text);
	WD_FUZZ_CHECK(r <= 0);
	if (r < 0 || t.all) {
		WD_FUZZ_CHECK(t.n == 0);
		return 0;
	}
	WD_FUZZ_CHECK(t.n == 1 && t.t[0].prefix.bits <= 128);
	WD_FUZZ_CHECK(wd_targets_match(&t, &t.t[0].prefix.addr, t.t[0].port));
	WD_FUZZ_CHECK(wd_targets_add(&again, wd_target_format(&t.t[0], buf)) == 0);
	WD_FUZZ_CHECK(memcmp(&t.t[0].prefix, &again.t[0].prefix, sizeof(t.t[0].prefix)) == 0);
	WD_FUZZ_CHECK(t.t[0].port == again.t[0].port);
	return 0;
}
