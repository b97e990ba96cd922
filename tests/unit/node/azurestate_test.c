/* SPDX-License-Identifier: Apache-2.0 */
#include "node/azurestate.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/node/kubeproxy.h"

#define FIXTURES "../shared/fixtures/"

static int parse(const char *text, size_t n, char **ret)
{
	struct wd_cnicache *v = NULL;
	struct wd_buf b;
	size_t count = 0;
	char ip[WD_ADDR_STRLEN];
	int r = wd_azurestate_parse(text, n, &v, &count);

	if (r)
		return r;
	wd_buf_init(&b, 1u << 20);
	for (size_t i = 0; i < count; i++) {
		wd_buf_printf(&b, "%s/%s %s %s", v[i].pod.ns, v[i].pod.name, v[i].device,
		              v[i].mount);
		for (unsigned int a = 0; a < v[i].n_addrs; a++)
			wd_buf_printf(&b, " %s", wd_addr_format(&v[i].addrs[a], ip));
		wd_buf_putc(&b, '\n');
	}
	wd_buf_putc(&b, '\0');
	free(v);
	*ret = b.data;
	return 0;
}

static void check(const char *text, const char *want)
{
	char *got = NULL;

	assert_int_equal(parse(text, strlen(text), &got), 0);
	assert_string_equal(got, want);
	free(got);
}

static void check_file(const char *path, const char *want)
{
	char *text;
	size_t n;

	text = file_read(path, &n);
	if (!text) {
		print_message("# SKIP " FIXTURES " is not there\n");
		skip();
	}
	check(text, want);
	free(text);
}

static void reads_azure_vnet(void **state)
{
	(void)state;
	check_file(FIXTURES "azure-cni/azure-vnet-test.json",
	           "kube-system/metrics-server-77c8679d7d-6ksdh azvd805fb1b0f8 "
	           "cni-e66c52d6-44be-555b-fb65-0b36296b6861 10.241.0.17\n"
	           "kube-system/tunnelfront-5d96f9b987-65xbn azvc214c1237ce "
	           "cni-56872dcd-b3ab-fc90-ccd8-6a6dd11d56cf 10.241.0.13\n");
}

static void reads_the_endpoints_of_cns(void **state)
{
	(void)state;
	check_file(FIXTURES "azure-cns/azure-endpoints.derived.json",
	           "default/nginx azvc440f455693  192.168.1.47\n"
	           "kube-system/coredns-597bb9d4db-nkqfz   192.168.1.153\n");
}

#define ENDPOINT(body)                                                                            \
	"{\"Endpoints\":{\"x\":{\"PodName\":\"a\",\"PodNamespace\":\"b\",\"IfnameToIPMap\":" body \
	"}}}"

static void leaves_out_what_says_nothing(void **state)
{
	char *text = malloc(WD_AZURESTATE_FILE_MAX + 2), *got;

	(void)state;
	check("{}", "");
	check("{\"Network\":{\"ExternalInterfaces\":null}}", "");
	check("{\"Network\":[1],\"Endpoints\":7}", "");
	check(ENDPOINT("{}"), "");
	check(ENDPOINT("{\"eth0\":{\"IPv4\":[{\"IP\":\"127.0.0.1\"},{\"IP\":\"x\"},7]}}"), "");
	check(ENDPOINT("{\"eth0\":{\"IPv6\":[{\"IP\":\"fd00::5\"}]}}"), "b/a   fd00::5\n");
	/* what is no name of a device, of a pod */
	check(ENDPOINT("{\"eth0\":{\"HostVethName\":\"a/b\"}}"), "");
	check(ENDPOINT("{\"eth0\":{\"HostVethName\":\"a\\u001b\"}}"), "");
	check(ENDPOINT("{\"eth0\":{\"HostVethName\":\"0123456789abcdef\"}}"), "");
	check(ENDPOINT("{\"eth0\":{\"HostVethName\":\"0123456789abcde\"}}"),
	      "b/a 0123456789abcde \n");
	check("{\"Endpoints\":{\"x\":{\"PodName\":\"a\\u0007\",\"PodNamespace\":\"b\","
	      "\"IfnameToIPMap\":{\"eth0\":{\"HostVethName\":\"v\"}}}}}",
	      "");
	assert_int_equal(parse("", 0, &got), -EINVAL);
	assert_int_equal(parse("[]", 2, &got), -EINVAL);
	assert_int_equal(parse("{\"Network\":", 11, &got), -EINVAL);
	assert_non_null(text);
	memset(text, ' ', WD_AZURESTATE_FILE_MAX + 2);
	memcpy(text, "{}", 2);
	assert_int_equal(parse(text, WD_AZURESTATE_FILE_MAX + 1, &got), -EINVAL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_azure_vnet),
		cmocka_unit_test(reads_the_endpoints_of_cns),
		cmocka_unit_test(leaves_out_what_says_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
