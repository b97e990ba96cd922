/* SPDX-License-Identifier: Apache-2.0 */
#include "node/memlimit.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/node/tree.h"

static int cgroup(const char *text, char ret[64], bool *ret_v1)
{
	return wd_memlimit_cgroup(text, strlen(text), ret, 64, ret_v1);
}

static void finds_the_cgroup(void **state)
{
	char path[64] = "untouched";
	bool v1 = true;

	(void)state;
	assert_int_equal(cgroup("", path, &v1), -ENOENT);
	assert_int_equal(cgroup("0::/x", path, &v1), -ENOENT); /* cut */
	assert_int_equal(cgroup("0::\n", path, &v1), -EINVAL);
	assert_int_equal(cgroup("0::/../../other\n", path, &v1), -EINVAL);
	assert_int_equal(cgroup("3:memory:relative\n", path, &v1), -EINVAL);
	assert_int_equal(cgroup("7:name=x:/a\n", path, &v1), -ENOENT);
	assert_string_equal(path, "untouched");
	assert_true(v1);
	assert_int_equal(cgroup("0::/\n", path, &v1), 0);
	assert_string_equal(path, "");
	assert_false(v1);
	assert_int_equal(cgroup("1:name=systemd:/a\n0::/b/c.scope\n", path, &v1), 0);
	assert_string_equal(path, "/b/c.scope");
	assert_false(v1);
	/* hybrid: memory is where its controller is */
	assert_int_equal(cgroup("4:cpu,memory:/a:b\n0::/c\n", path, &v1), 0);
	assert_string_equal(path, "/a:b");
	assert_true(v1);
	assert_int_equal(cgroup("0::/0123456789012345678901234567890123456789012345678901234567890"
	                        "123456789\n",
	                        path, &v1),
	                 -ENAMETOOLONG);
}

static void reads_a_value(void **state)
{
	uint64_t v = 5;

	(void)state;
	assert_int_equal(wd_memlimit_value("max\n", 4, &v), 0);
	assert_true(v == UINT64_MAX);
	assert_int_equal(wd_memlimit_value("536870912\n", 10, &v), 0);
	assert_true(v == 512u << 20);
	assert_int_equal(wd_memlimit_value("536870912", 9, &v), -EINVAL);
	assert_int_equal(wd_memlimit_value("-1\n", 3, &v), -EINVAL);
	assert_int_equal(wd_memlimit_value("99999999999999999999\n", 21, &v), -EINVAL);
	assert_int_equal(wd_memlimit_value("", 0, &v), -EINVAL);
	assert_true(v == 512u << 20);
}

static void looks_where_the_limit_is(void **state)
{
	char proc[128], sys[128];
	struct tree t;

	(void)state;
	tree_make(&t);
	snprintf(proc, sizeof(proc), "%s/proc", t.root);
	snprintf(sys, sizeof(sys), "%s/sys", t.root);
	assert_true(wd_memlimit_read(proc, sys) == UINT64_MAX);
	/* v1 in a container: the path is the node's */
	tree_write(&t, "proc/self/cgroup", "9:memory:/kubepods/x\n0::/\n");
	assert_true(wd_memlimit_read(proc, sys) == UINT64_MAX);
	tree_write(&t, "sys/fs/cgroup/memory/memory.limit_in_bytes", "1000\n");
	assert_true(wd_memlimit_read(proc, sys) == 1000);
	/* v1 on the node */
	tree_write(&t, "sys/fs/cgroup/memory/kubepods/x/memory.limit_in_bytes", "2000\n");
	assert_true(wd_memlimit_read(proc, sys) == 2000);
	/* v2, with and without a namespace of its own */
	tree_write(&t, "proc/self/cgroup", "0::/a.service\n");
	tree_write(&t, "sys/fs/cgroup/memory.max", "3000\n");
	assert_true(wd_memlimit_read(proc, sys) == 3000);
	tree_write(&t, "sys/fs/cgroup/a.service/memory.max", "max\n");
	assert_true(wd_memlimit_read(proc, sys) == UINT64_MAX);
	tree_write(&t, "proc/self/cgroup", "0::/\n");
	assert_true(wd_memlimit_read(proc, sys) == 3000);
	tree_remove(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(finds_the_cgroup),
		cmocka_unit_test(reads_a_value),
		cmocka_unit_test(looks_where_the_limit_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
