/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a kubeconfig, and of /etc/hosts. */
#include "fuzz.h"

#include "node/apiserver.h"
#include "node/podpath.h"

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT("clusters:\n- cluster:\n    server: https://api.example:443\n"
                     "    tls-server-name: x\n  - {cluster: {server: 'http://[fd00::1]:80/x'}}\n"),
	WD_FUZZ_TEXT("{\"clusters\":[{\"cluster\":{\"server\":\"https://user@10.0.0.1?x\"}}]}"),
	WD_FUZZ_TEXT("server: a\nserver: b\n10.1.1.1 a b # c\nfd00::1\ta\n"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct wd_apiservers l;

	memset(&l, 0, sizeof(l));
	wd_apiservers_kubeconfig(&l, (const char *)data, size, "f");
	wd_apiservers_hosts(&l, (const char *)data, size);
	WD_FUZZ_CHECK(l.n <= WD_STORE_API_MAX);
	for (unsigned int i = 0; i < l.n; i++) {
		const struct wd_apiserver *a = &l.v[i];

		WD_FUZZ_CHECK(a->port && a->source);
		WD_FUZZ_CHECK(a->has_ip || a->name[0]);
		WD_FUZZ_CHECK(!a->name[0] || wd_podpath_is_subdomain(a->name, strlen(a->name)));
	}
	return 0;
}
