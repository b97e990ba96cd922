/* SPDX-License-Identifier: Apache-2.0 */
/* Azure's state files. */
#include "fuzz.h"

#include "node/azurestate.h"
#include "node/podpath.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("{\"Network\":{\"ExternalInterfaces\":{\"eth0\":{\"Networks\":{\"azure\":{"
                     "\"Endpoints\":{\"1-eth0\":{\"HostIfName\":\"azv1\",\"IPAddresses\":[{\"IP\":"
                     "\"10.244.0.7\",\"Mask\":\"//8AAA==\"}],\"NetworkNameSpace\":\"/var/run/netns/"
                     "cni-1\",\"PODName\":\"cart-0\",\"PODNameSpace\":\"shop\"}}}}}}}}"),
	WD_FUZZ_TEXT("{\"Endpoints\":{\"70\":{\"PodName\":\"nginx\",\"PodNamespace\":\"default\","
                     "\"IfnameToIPMap\":{\"eth0\":{\"IPv4\":[{\"IP\":\"192.168.1.47\"}],\"IPv6\":"
                     "[{\"IP\":\"fd00::1\"}],\"HostVethName\":\"azvc440f455693\"}}}}}"),
	WD_FUZZ_TEXT("{}"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_cnicache *v = NULL;
	size_t n = 12345;

	if (wd_azurestate_parse((const char *)data, size, &v, &n)) {
		WD_FUZZ_CHECK(!v && n == 12345);
		return 0;
	}
	WD_FUZZ_CHECK(n <= WD_AZURESTATE_MAX);
	for (size_t i = 0; i < n; i++) {
		WD_FUZZ_CHECK(wd_podpath_is_label(v[i].pod.ns, strlen(v[i].pod.ns)));
		WD_FUZZ_CHECK(wd_podpath_is_subdomain(v[i].pod.name, strlen(v[i].pod.name)));
		WD_FUZZ_CHECK(memchr(v[i].device, '\0', sizeof(v[i].device)));
		WD_FUZZ_CHECK(memchr(v[i].mount, '\0', sizeof(v[i].mount)));
		WD_FUZZ_CHECK(!strchr(v[i].device, '/') && !strchr(v[i].mount, '/'));
		WD_FUZZ_CHECK(v[i].device[0] || v[i].mount[0] || v[i].n_addrs);
		WD_FUZZ_CHECK(v[i].n_addrs <= WD_CNICACHE_ADDRS_MAX);
	}
	free(v);
	return 0;
}
