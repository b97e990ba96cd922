/* SPDX-License-Identifier: Apache-2.0 */
/* Which source of the configuration is taken, and the files that it names. */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "kube/config.h"
#include "kube/file.h"

static char root[64];

static int drop(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static char *at(const char *name)
{
	static char paths[8][256];
	static unsigned int i;

	snprintf(paths[++i % 8], sizeof(paths[0]), "%s%s", root, name);
	return paths[i % 8];
}

static void put(const char *name, const char *text)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), "%s%s", root, name);
	for (char *s = strchr(path + strlen(root) + 1, '/'); s; s = strchr(s + 1, '/')) {
		*s = '\0';
		mkdir(path, 0700);
		*s = '/';
	}
	f = fopen(path, "we");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void put_config(const char *name, const char *host)
{
	char text[400];

	snprintf(text, sizeof(text),
	         "current-context: x\ncontexts: [{name: x, context: {cluster: c, user: u}}]\n"
	         "clusters: [{name: c, cluster: {server: 'https://%s'}}]\n"
	         "users: [{name: u, user: {tokenFile: token}}]\n",
	         host);
	put(name, text);
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/wd-kube-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	return nftw(root, drop, 8, FTW_DEPTH | FTW_PHYS);
}

static const char *host_of(const char *file, const char *account)
{
	static char host[WD_KUBE_ERRLEN];
	struct wd_kube_sources from = {.file = file, .host_root = root, .account = account};
	char err[WD_KUBE_ERRLEN];
	struct wd_kube_config *c;
	int r = wd_kube_config_new(&from, &c, err);

	if (r) {
		snprintf(host, sizeof(host), "%s", err);
		return host;
	}
	snprintf(host, sizeof(host), "%s:%u", c->host, c->port);
	wd_kube_config_free(c);
	return host;
}

static void test_order(void **state)
{
	char list[600];

	(void)state;
	setenv("HOME", at("/home"), 1);
	unsetenv("KUBECONFIG");
	unsetenv("KUBERNETES_SERVICE_HOST");
	assert_non_null(strstr(host_of(NULL, NULL), "no way to the API server is configured"));
	put_config("/var/lib/kubelet/kubeconfig.conf", "third");
	assert_string_equal(host_of(NULL, NULL), "third:443");
	put_config("/etc/kubernetes/kubelet.conf", "second");
	assert_string_equal(host_of(NULL, NULL), "second:443");
	put_config("/var/lib/kubelet/kubeconfig", "first");
	assert_string_equal(host_of(NULL, NULL), "first:443");
	put_config("/home/.kube/config", "home");
	assert_string_equal(host_of(NULL, NULL), "home:443");
	put_config("/env", "env");
	snprintf(list, sizeof(list), "%s:%s:%s", at("/none"), at("/env"), at("/home/.kube/config"));
	setenv("KUBECONFIG", list, 1);
	assert_string_equal(host_of(NULL, NULL), "env:443");
	setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
	setenv("KUBERNETES_SERVICE_PORT", "6443", 1);
	assert_string_equal(host_of(NULL, at("/account")), "env:443"); /* no token there */
	put("/account/token", "t");
	assert_string_equal(host_of(NULL, at("/account")), "10.0.0.1:6443");
	setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
	assert_string_equal(host_of(NULL, at("/account")), "fd00::1:6443");
	setenv("KUBERNETES_SERVICE_PORT", "x", 1);
	assert_non_null(strstr(host_of(NULL, at("/account")), "KUBERNETES_SERVICE_PORT=x: a port"));
	put_config("/given", "given");
	assert_string_equal(host_of(at("/given"), at("/account")), "given:443");
	/* a source that cannot be read is not passed over */
	assert_non_null(strstr(host_of(at("/missing"), NULL), "No such file"));
	assert_non_null(strstr(host_of(root, NULL), "not a file"));
	unsetenv("KUBERNETES_SERVICE_HOST");
	put("/env", "}{");
	assert_non_null(strstr(host_of(NULL, NULL), "not YAML"));
	unsetenv("KUBECONFIG");
}

/* kubelet-client-current.pem is an absolute link; a pod sees it below /host. */
static void test_files_below_a_root(void **state)
{
	char *text, outside[256];
	size_t n;

	(void)state;
	put("/host/pki/real", "key");
	put("/real", "outside");
	assert_int_equal(symlink("/pki/real", at("/host/pki/current")), 0);
	assert_int_equal(symlink("../../../real", at("/host/pki/escape")), 0);
	assert_int_equal(wd_kube_file_read(at("/host"), "/pki/current", 100, &text, &n), 0);
	assert_string_equal(text, "key");
	free(text);
	assert_int_equal(wd_kube_file_read(at("/host"), "/pki/escape", 100, &text, &n), -ENOENT);
	assert_int_equal(wd_kube_file_read(NULL, at("/real"), 7, &text, &n), 0);
	assert_string_equal(text, "outside");
	free(text);
	assert_int_equal(wd_kube_file_read("/", at("/real"), 6, &text, &n), -EFBIG);
	assert_int_equal(mkfifo(at("/fifo"), 0600), 0);
	assert_int_equal(wd_kube_file_read(NULL, at("/fifo"), 6, &text, &n), -EINVAL);
	snprintf(outside, sizeof(outside), "%s", at("/real"));
	uint64_t before = wd_kube_file_stamp(NULL, outside);
	assert_true(before != 0);
	assert_true(wd_kube_file_stamp(NULL, outside) == before);
	put("/real", "another");
	assert_true(wd_kube_file_stamp(NULL, outside) != before);
	assert_true(wd_kube_file_stamp(NULL, at("/nothing")) == 0);
}

static void test_base64(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: wrong */
	} rows[] = {
		{"", ""},       {"aGk=", "hi"},           {"aGkh", "hi!"},
		{"aA==", "h"},  {"aG\nk \t=", "hi"},      {"aGk", NULL},
		{"aG=k", NULL}, {"a===", NULL},           {"aGk*", NULL},
		{"====", NULL}, {"+/+/", "\xfb\xff\xbf"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *out = NULL;
		size_t n;
		int r = wd_kube_base64_decode(rows[i].text, &out, &n);

		assert_int_equal(r, rows[i].want ? 0 : -EINVAL);
		if (rows[i].want)
			assert_string_equal(out, rows[i].want);
		free(out);
	}
}

static void test_token(void **state)
{
	char good[] = " \n abc.def \n", blank[] = "a b", empty[] = " \n", high[] = "a\x80";
	const char *why;

	(void)state;
	assert_int_equal(wd_kube_token_check(good, &why), 0);
	assert_string_equal(good, "abc.def");
	assert_int_equal(wd_kube_token_check(blank, &why), -EINVAL);
	assert_int_equal(wd_kube_token_check(empty, &why), -EINVAL);
	assert_int_equal(wd_kube_token_check(high, &why), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_files_below_a_root),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_token),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
