/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/config.h"

#define HEAD                                                                  \
	"apiVersion: v1\nkind: Config\ncurrent-context: a\ncontexts:\n"       \
	"- {name: z, context: {cluster: z, user: z}}\n"                       \
	"- {name: a, context: {cluster: c, user: u}}\nclusters:\n"            \
	"- {name: z, cluster: {server: 'http://z'}}\n- name: c\n  cluster:\n" \
	"    server: https://api.test:6443/k8s/\n" /* line 11 */
#define USER "users:\n- name: u\n  user:\n"

static int parse(const char *text, struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN])
{
	return wd_kube_config_parse("/dir/config", NULL, NULL, text, strlen(text), ret, err);
}

static struct wd_kube_config *good(const char *text)
{
	struct wd_kube_config *c = NULL;
	char err[WD_KUBE_ERRLEN];

	if (parse(text, &c, err))
		fail_msg("%s", err);
	return c;
}

static void bad(const char *text, const char *words)
{
	struct wd_kube_config *c = NULL;
	char err[WD_KUBE_ERRLEN];

	assert_int_equal(parse(text, &c, err), -EPROTO);
	assert_null(c);
	if (!strstr(err, words))
		fail_msg("'%s' is not in: %s", words, err);
}

static void test_fields(void **state)
{
	struct wd_kube_config *c = good(HEAD "    certificate-authority: pki/ca.crt\n"
	                                     "    tls-server-name: other.test\n"
	                                     "    proxy-url: http://[fd00::1]:3128\n" USER
	                                     "    client-certificate-data: aGVs\n     bG8=\n"
	                                     "    client-key: /abs/key\n    token: 'secret'\n");

	(void)state;
	assert_true(c->tls);
	assert_string_equal(c->host, "api.test");
	assert_int_equal(c->port, 6443);
	assert_string_equal(c->prefix, "/k8s");
	assert_string_equal(c->server_name, "other.test");
	assert_string_equal(c->ca.path, "/dir/pki/ca.crt");
	assert_null(c->ca.bytes);
	assert_string_equal(c->cert.bytes, "hello");
	assert_int_equal(c->cert.n, 5);
	assert_string_equal(c->key.path, "/abs/key");
	assert_string_equal(c->token, "secret");
	assert_string_equal(c->proxy_host, "fd00::1");
	assert_int_equal(c->proxy_port, 3128);
	assert_false(c->insecure);
	assert_null(c->root);
	assert_string_equal(c->origin, "kubeconfig /dir/config, context a");
	wd_kube_config_free(c);
}

static void test_exec(void **state)
{
	struct wd_kube_config *c =
		good(HEAD "    insecure-skip-tls-verify: true\n" USER
	                  "    exec:\n      apiVersion: client.authentication.k8s.io/v1beta1\n"
	                  "      command: bin/login\n      args: [get-token, \"--x=y z\"]\n"
	                  "      env:\n      - {name: A, value: b}\n      - name: EMPTY\n"
	                  "      installHint: x\n      provideClusterInfo: true\n");

	(void)state;
	assert_true(c->insecure);
	assert_non_null(c->exec);
	assert_string_equal(c->exec->command, "/dir/bin/login");
	assert_string_equal(c->exec->args[1], "--x=y z");
	assert_null(c->exec->args[2]);
	assert_string_equal(c->exec->variables[0], "A=b");
	assert_string_equal(c->exec->variables[1], "EMPTY=");
	assert_true(c->exec->cluster_info);
	wd_kube_config_free(c);
	c = good(HEAD USER "    exec: {command: kubelogin, apiVersion: "
	                   "client.authentication.k8s.io/v1}\n");
	assert_string_equal(c->exec->command, "kubelogin");
	wd_kube_config_free(c);
}

static void test_forms(void **state)
{
	struct wd_kube_config *c;
	char err[WD_KUBE_ERRLEN];
	const char *json = "{\"current-context\":\"z\",\"contexts\":[{\"name\":\"z\",\"context\":"
			   "{\"cluster\":\"c\"}}],\"clusters\":[{\"name\":\"c\",\"cluster\":"
			   "{\"server\":\"https://[2001:db8::1]\"}}],\"users\":null}";
	const char *text = HEAD USER "    tokenFile: t\n    token: ''\n";

	(void)state;
	c = good(json);
	assert_string_equal(c->host, "2001:db8::1");
	assert_int_equal(c->port, 443);
	assert_string_equal(c->prefix, "");
	wd_kube_config_free(c);
	/* another context than the current one, below another root */
	assert_int_equal(wd_kube_config_parse("/etc/k", "/host", "a", text, strlen(text), &c, err),
	                 0);
	assert_string_equal(c->token_path, "/etc/t");
	assert_string_equal(c->root, "/host");
	assert_null(c->token);
	wd_kube_config_free(c);
	assert_int_equal(wd_kube_config_parse("/k", NULL, "none", text, strlen(text), &c, err),
	                 -EPROTO);
	assert_non_null(strstr(err, "there is no context named 'none'"));
}

static void test_errors_name_line_and_field(void **state)
{
	(void)state;
	bad("", "current-context: is missing");
	bad("- a\n", "line 1: : the file holds no map");
	bad("a: [b\n", "kubeconfig /dir/config, line 2: not YAML");
	bad("current-context: q\ncontexts: []\n", "no context named 'q'");
	bad("current-context: q\ncontexts: 7\n", "line 2: contexts: must be a list");
	bad("current-context: q\ncontexts: [{name: q}]\n", "contexts[0].context: is missing");
	bad("current-context: q\ncontexts: [{name: q, context: {user: u}}]\n",
	    "contexts[0].context.cluster: is missing");
	bad("current-context: a\ncontexts: [{name: a, context: {cluster: c}}]\n",
	    "clusters: there is no cluster named 'c'");
	bad(HEAD "    server: https://twice\n" USER "    {}\n", "line 12: 'server' stands here");
	bad(HEAD "    certificate-authority-data: '***'\n" USER "    {}\n",
	    "line 12: clusters[1].cluster.certificate-authority-data: is not base64");
	bad(HEAD "    insecure-skip-tls-verify: 'true'\n" USER "    {}\n",
	    "line 12: clusters[1].cluster.insecure-skip-tls-verify: must be true or false");
	bad(HEAD "    insecure-skip-tls-verify: true\n    certificate-authority: x\n" USER "    {}",
	    "contradicts");
	bad(HEAD "    proxy-url: socks5://x:1\n" USER "    {}\n", "proxy-url: whydrop speaks to");
	bad(HEAD "    proxy-url: https://x:1\n" USER "    {}\n", "proxy-url: whydrop speaks to");
	bad(HEAD "    tls-server-name: [a]\n" USER "    {}\n", "tls-server-name: must be a text");
	bad(HEAD, "users: there is no user named 'u'");
	bad(HEAD USER "    token: \"a b\"\n", "line 15: users[0].user.token: it holds blanks");
	bad(HEAD USER "    token: \"a\\r\\nHost: x\"\n", "it holds blanks");
	bad(HEAD USER "    client-certificate: a\n", "client-key: is missing");
	bad(HEAD USER "    client-key: a\n", "client-certificate: is missing");
	bad(HEAD USER "    as: root\n", "users[0].user.as: whydrop cannot impersonate");
	bad(HEAD USER "    as-groups: [x]\n", "as-groups: whydrop cannot impersonate");
	bad(HEAD USER "    username: x\n", "username: basic authentication");
	bad(HEAD USER "    auth-provider: {name: azure}\n", "auth-provider: removed");
}

static void test_errors_of_exec(void **state)
{
	const char *program = HEAD USER
		"    exec: {command: x, apiVersion: client.authentication.k8s.io/v1}\n";
	struct wd_kube_config *c = NULL;
	char err[WD_KUBE_ERRLEN];

	(void)state;
	bad(HEAD USER "    exec: 7\n", "exec: must be a map");
	bad(HEAD USER "    exec: {apiVersion: client.authentication.k8s.io/v1}\n",
	    "users[0].user.exec.command: is missing");
	bad(HEAD USER "    exec: {command: x}\n", "exec.apiVersion: must be");
	bad(HEAD USER "    exec: {command: x, apiVersion: client.authentication.k8s.io/v1alpha1}\n",
	    "exec.apiVersion: must be");
	bad(HEAD USER "    exec: {command: x, interactiveMode: Always, apiVersion: "
	              "client.authentication.k8s.io/v1}\n",
	    "interactiveMode: Always");
	assert_int_equal(
		wd_kube_config_parse("/k", "/host", NULL, program, strlen(program), &c, err),
		-EPROTO);
	assert_non_null(strstr(err, "command: a program of the host"));
	bad(HEAD USER "    exec: {command: x, args: y}\n", "exec.args: must be a list");
	bad(HEAD USER "    exec: {command: x, env: [{value: y}]}\n", "env: must be a list of name");
}

static void test_servers(void **state)
{
	static const struct {
		const char *url, *why;
	} rows[] = {
		{"api.test", "must begin with https"},
		{"ftp://x", "must begin with https"},
		{"https://", "no host name"},
		{"https://a b", "no host name"},
		{"https://a\r\nX: y", "no host name"},
		{"https://u:p@a", "a name and password"},
		{"https://a:0", "a port"},
		{"https://a:65536", "a port"},
		{"https://a:1x", "a port"},
		{"https://a:", "a port"},
		{"https://[::1", "an unclosed"},
		{"https://[1.2.3.4]", "no IPv6"},
		{"https://[::1]x", "something behind"},
		{"https://a/?x", "a query"},
		{"https://a/#x", "a query"},
		{"https://a/b c", "a path with blanks"},
		{"https://a?x", "a query"},
	};
	struct wd_kube_config c = {0};
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		assert_int_equal(wd_kube_config_set_server(&c, rows[i].url, &why), -EINVAL);
		if (!strstr(why, rows[i].why))
			fail_msg("%s: %s", rows[i].url, why);
		assert_null(c.host);
	}
	assert_int_equal(wd_kube_config_set_server(&c, "http://1.2.3.4:8001//", &why), 0);
	assert_false(c.tls);
	assert_int_equal(c.port, 8001);
	assert_string_equal(c.prefix, "");
	free(c.host);
	free(c.prefix);
}

static void test_hostile_yaml(void **state)
{
	char *deep = malloc(20000), *wide = malloc(1000000);
	size_t n = 0;

	(void)state;
	assert_true(deep && wide);
	bad("a: &x [1]\nb: *x\n", "line 2: aliases (*x) are not read");
	memset(deep, '[', 5000);
	deep[5000] = '\0';
	bad(deep, "more than 16 levels");
	for (int i = 0; i < 60000; i++)
		n += (size_t)sprintf(wide + n, "- a\n");
	bad(wide, "more than 50000 values");
	n = 0;
	for (int i = 0; i < 300; i++)
		n += (size_t)sprintf(wide + n, "k%d: a\n", i);
	bad(wide, "line 257: more than 256 members");
	bad("a: \"x\\0y\"\n", "NUL");
	bad("[a]: b\n", "a key that is no text");
	bad("a: \x01\n", "not YAML");
	free(deep);
	free(wide);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_exec),
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_errors_name_line_and_field),
		cmocka_unit_test(test_errors_of_exec),
		cmocka_unit_test(test_servers),
		cmocka_unit_test(test_hostile_yaml),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
