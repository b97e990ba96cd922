/* SPDX-License-Identifier: Apache-2.0 */
/* libcni's result cache: JSON that any CNI plugin may have written. */
#include "fuzz.h"

#include "node/cnicache.h"
#include "node/podpath.h"

#define ARGS                                                                       \
	"\"cniArgs\":[[\"IgnoreUnknown\",\"1\"],[\"K8S_POD_NAMESPACE\",\"shop\"]," \
	"[\"K8S_POD_NAME\",\"cart-0\"]]"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(
		"{\"kind\":\"cniCacheV1\",\"containerId\":\"ab12\",\"config\":\"e30=\",\"ifName\":"
		"\"eth0\",\"networkName\":\"net\",\"netns\":\"/var/run/netns/cni-1\"," ARGS
		",\"result\":{\"cniVersion\":\"1.0.0\",\"ips\":[{\"address\":\"10.244.0.5/24\","
		"\"gateway\":\"10.244.0.1\",\"interface\":0},{\"address\":\"fd00::5/64\"}]}}"),
	WD_FUZZ_TEXT("{\"kind\":\"cniCacheV1\"," ARGS
                     ",\"result\":{\"cniVersion\":\"0.2.0\",\"ip4\":"
                     "{\"ip\":\"10.1.2.3/24\"},\"ip6\":{\"ip\":\"fd00::3/64\"}}}"),
	WD_FUZZ_TEXT("{\"kind\":\"cniCacheV1\",\"result\":{}}"), WD_FUZZ_TEXT("{}"),
	WD_FUZZ_TEXT("[[[[[[[[{\"a\":[1e400,-0,null,true]}]]]]]]]]"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_cnicache c, before;

	memset(&c, 0x5a, sizeof(c));
	before = c;
	if (wd_cnicache_parse((const char *)data, size, &c) < 0) {
		WD_FUZZ_CHECK(memcmp(&c, &before, sizeof(c)) == 0);
		return 0;
	}
	WD_FUZZ_CHECK(c.n_addrs <= WD_CNICACHE_ADDRS_MAX);
	WD_FUZZ_CHECK(memchr(c.mount, '\0', sizeof(c.mount)));
	WD_FUZZ_CHECK(!strchr(c.mount, '/'));
	WD_FUZZ_CHECK(wd_podpath_is_label(c.pod.ns, strlen(c.pod.ns)));
	WD_FUZZ_CHECK(wd_podpath_is_subdomain(c.pod.name, strlen(c.pod.name)));
	for (unsigned int i = 0; i < c.n_addrs; i++)
		WD_FUZZ_CHECK(!wd_addr_is_loopback(&c.addrs[i]));
	return 0;
}
