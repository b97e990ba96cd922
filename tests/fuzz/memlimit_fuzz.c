/* SPDX-License-Identifier: Apache-2.0 */
/* /proc/self/cgroup, and the limit of a cgroup. */
#include "fuzz.h"

#include <string.h>

#include "node/memlimit.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("12:cpu,memory:/kubepods/burstable/pod1/c\n1:name=systemd:/\n0::/\n"),
	WD_FUZZ_TEXT("0::/system.slice/whydrop.service\n"), WD_FUZZ_TEXT("0::/../x\n"),
	WD_FUZZ_TEXT("536870912\n"), WD_FUZZ_TEXT("max\n"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64] = "?";
	uint64_t v = 0x5a5a;
	bool v1 = false;
	int r = wd_memlimit_cgroup((const char *)data, size, path, sizeof(path), &v1);

	WD_FUZZ_CHECK(r <= 0);
	if (r < 0)
		WD_FUZZ_CHECK(strcmp(path, "?") == 0 && !v1);
	else
		WD_FUZZ_CHECK(strlen(path) < sizeof(path) && !strstr(path, "/..") &&
		              (!path[0] || path[0] == '/'));
	if (wd_memlimit_value((const char *)data, size, &v) < 0)
		WD_FUZZ_CHECK(v == 0x5a5a);
	return 0;
}
