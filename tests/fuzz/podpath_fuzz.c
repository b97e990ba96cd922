/* SPDX-License-Identifier: Apache-2.0 */
/* Names of cgroups and log directories: whoever makes them chooses them. */
#include "fuzz.h"

#include "node/podpath.h"

#define UID         "0c3cb2d8-7d3e-4f8d-9a43-2b8b4a1f9e10"
#define UNDERSCORED "0c3cb2d8_7d3e_4f8d_9a43_2b8b4a1f9e10"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("/kubepods/burstable/pod" UID "/1234"),
	WD_FUZZ_TEXT("/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod" UNDERSCORED
                     ".slice/cri-containerd-ab.scope"),
	WD_FUZZ_TEXT("0::/kubepods.slice/kubepods-pod" UNDERSCORED ".slice/x.scope\n"),
	WD_FUZZ_TEXT("12:cpu,cpuacct:/kubepods/besteffort/pod" UID "/ab\n0::/system.slice\n"),
	WD_FUZZ_TEXT("kube-system_kube-apiserver-n1_0123456789abcdef0123456789abcdef"),
	WD_FUZZ_TEXT("shop_cart-0_" UID), WD_FUZZ_TEXT("a.b.c-d.e"), WD_FUZZ_TEXT("default"))

static void check_uid(const struct wd_pod_uid *uid)
{
	size_t n = strnlen(uid->text, sizeof(uid->text));

	WD_FUZZ_CHECK(n == 36 || n == 32);
	WD_FUZZ_CHECK(strspn(uid->text, "0123456789abcdefABCDEF-") == n);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	char *s = wd_fuzz_string(data, size), *rest;
	struct wd_pod_uid uid;
	struct wd_pod_ref ref;

	if (wd_podpath_cgroup_uid(text, size, &uid))
		check_uid(&uid);
	if (wd_podpath_proc_uid(text, size, &uid))
		check_uid(&uid);
	if (wd_podpath_is_label(text, size))
		WD_FUZZ_CHECK(size && size <= 63 && wd_podpath_is_subdomain(text, size));
	if (wd_podpath_is_subdomain(text, size))
		WD_FUZZ_CHECK(size && size <= 253);
	memset(&ref, 0, sizeof(ref));
	if (wd_podpath_log_dir(s, &ref, &uid)) {
		check_uid(&uid);
		WD_FUZZ_CHECK(wd_podpath_is_label(ref.ns, strlen(ref.ns)));
		WD_FUZZ_CHECK(wd_podpath_is_subdomain(ref.name, strlen(ref.name)));
	}
	rest = strchr(s, '_');
	if (rest) {
		*rest++ = '\0';
		if (wd_podpath_ref(s, rest, &ref))
			WD_FUZZ_CHECK(strcmp(ref.ns, s) == 0 && strcmp(ref.name, rest) == 0);
	}
	free(s);
	return 0;
}
