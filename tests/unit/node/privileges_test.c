/* SPDX-License-Identifier: Apache-2.0 */
#include "node/privileges.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "node/host.h"

#define ALL       0x1ffffffffffull
#define NET_ADMIN (1ull << 12)
#define NET_RAW   (1ull << 13)
#define PTRACE    (1ull << 19)
#define SYS_ADMIN (1ull << 21)
#define PERFMON   (1ull << 38)
#define BPF       (1ull << 39)

static void everything_is_enough(void **state)
{
	struct wd_privileges p;

	(void)state;
	assert_int_equal(wd_privileges_missing_of(ALL, true, &p), 0);
	assert_int_equal(p.n_required + p.n_optional, 0);
}

static void nothing_lacks_everything(void **state)
{
	struct wd_privileges p;

	(void)state;
	assert_int_equal(wd_privileges_missing_of(0, true, &p), 2);
	assert_string_equal(p.required[0].name, "CAP_BPF");
	assert_string_equal(p.required[1].name, "CAP_PERFMON");
	assert_int_equal(p.n_optional, 5);
	for (unsigned int i = 0; i < p.n_optional; i++) {
		assert_memory_equal(p.optional[i].name, "CAP_", 4);
		assert_true(strlen(p.optional[i].cost) > 10);
	}
}

static void sys_admin_stands_for_both(void **state)
{
	struct wd_privileges p;

	(void)state;
	assert_int_equal(wd_privileges_missing_of(SYS_ADMIN, true, &p), 0);
	assert_int_equal(p.n_optional, 4);
	assert_int_equal(wd_privileges_missing_of(BPF, true, &p), 1);
	assert_int_equal(wd_privileges_missing_of(PERFMON | BPF | NET_ADMIN | PTRACE, true, &p), 0);
	assert_int_equal(p.n_optional, 3);
}

static void rules_need_a_raw_socket(void **state)
{
	struct wd_privileges p;

	(void)state;
	assert_int_equal(wd_privileges_missing_of(ALL & ~NET_RAW, true, &p), 0);
	assert_int_equal(p.n_optional, 1);
	assert_string_equal(p.optional[0].name, "CAP_NET_RAW");
	assert_non_null(strstr(p.optional[0].cost, "iptables-legacy-save"));
	/* NET_ADMIN does not stand for it */
	assert_int_equal(wd_privileges_missing_of(PERFMON | BPF | NET_ADMIN, true, &p), 0);
	assert_string_equal(p.optional[0].name, "CAP_NET_RAW");
}

static void a_user_namespace_does_not_count(void **state)
{
	struct wd_privileges p;

	(void)state;
	assert_int_equal(wd_privileges_missing_of(ALL, false, &p), 1);
	assert_string_equal(p.required[0].name, "the initial user namespace");
}

static int parse(const char *text, uint64_t *v)
{
	return wd_privileges_parse(text, strlen(text), v);
}

static void reads_the_effective_set(void **state)
{
	uint64_t v = 0;

	(void)state;
	assert_int_equal(parse("Name:\tx\nCapPrm:\t1\nCapEff:\t000001fffeffffff\n", &v), 0);
	assert_true(v == 0x1fffeffffffull);
	assert_int_equal(parse("CapEff:\t1", &v), -EINVAL);
	assert_int_equal(parse("CapEff:\n", &v), -EINVAL);
	assert_int_equal(parse("CapEff:\tx\n", &v), -EINVAL);
	assert_int_equal(parse("CapEff:\t10000000000000000\n", &v), -EINVAL);
	assert_int_equal(parse("", &v), -EINVAL);
}

static void asks_this_process(void **state)
{
	struct wd_privileges p;
	int r = wd_privileges_missing(&p);

	(void)state;
	assert_true(r >= 0);
	assert_int_equal(r, p.n_required);
}

static void host_has_names(void **state)
{
	char name[WD_HOST_NAME_LEN + 1];
	struct wd_host h, before;

	(void)state;
	assert_int_equal(wd_host_read(NULL, &h), 0);
	assert_true(h.name[0] && h.kernel[0]);
	for (const char *c = h.name; *c; c++)
		assert_false(*c >= 'A' && *c <= 'Z');
	assert_int_equal(wd_host_read("Aks-1", &h), 0);
	assert_string_equal(h.name, "Aks-1");
	before = h;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_int_equal(wd_host_read(name, &h), -EINVAL);
	assert_memory_equal(&before, &h, sizeof(h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_is_enough),
		cmocka_unit_test(nothing_lacks_everything),
		cmocka_unit_test(sys_admin_stands_for_both),
		cmocka_unit_test(rules_need_a_raw_socket),
		cmocka_unit_test(a_user_namespace_does_not_count),
		cmocka_unit_test(reads_the_effective_set),
		cmocka_unit_test(asks_this_process),
		cmocka_unit_test(host_has_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
