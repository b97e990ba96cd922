/* SPDX-License-Identifier: Apache-2.0 */
/* A kubeconfig of whatever kind: a configuration that can be used, or words why not. */
#include "fuzz.h"

#include "kube/config.h"

#define CONFIG(cluster, user)                                                          \
	"current-context: a\ncontexts:\n- {name: a, context: {cluster: c, user: u}}\n" \
	"clusters:\n- name: c\n  cluster:\n    server: https://[::1]:6443/p\n" cluster \
	"users:\n- name: u\n  user:\n" user

WD_FUZZ_TEXT_SEEDS(
	WD_FUZZ_TEXT(CONFIG("    certificate-authority-data: aGVsbG8=\n    proxy-url: http://p:1\n",
                            "    client-certificate: c.pem\n    client-key-data: aGk=\n")),
	WD_FUZZ_TEXT(CONFIG("    insecure-skip-tls-verify: true\n    tls-server-name: x\n",
                            "    token: abc\n    tokenFile: t\n")),
	WD_FUZZ_TEXT(CONFIG("", "    exec:\n      command: x/y\n      args: [a, 'b', \"c\\x0a\"]\n"
                                "      apiVersion: client.authentication.k8s.io/v1\n"
                                "      env: [{name: A, value: b}]\n")),
	WD_FUZZ_TEXT("{\"a\": &x [1, 2, {b: *x}], ? [c] : |\n  d\n}\n---\n...\n"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_kube_config *c = NULL;
	char err[WD_KUBE_ERRLEN];
	int r = wd_kube_config_parse("/d/f", NULL, NULL, (const char *)data, size, &c, err);

	WD_FUZZ_CHECK(r <= 0 && !r == !!c);
	if (r) {
		WD_FUZZ_CHECK(err[0] && strlen(err) < sizeof(err));
		return 0;
	}
	WD_FUZZ_CHECK(c->host && c->host[0] && c->port && c->prefix);
	for (const char *s = c->host; *s; s++)
		WD_FUZZ_CHECK(*s > ' ' && *s < 0x7f);
	for (const char *s = c->prefix; *s; s++)
		WD_FUZZ_CHECK(*s > ' ' && *s < 0x7f);
	for (const char *s = c->token && !c->token_path ? c->token : ""; *s; s++)
		WD_FUZZ_CHECK(*s > ' ' && *s < 0x7f);
	WD_FUZZ_CHECK(!c->exec || (c->exec->command && c->exec->api_version));
	wd_kube_config_free(c);
	return 0;
}
