/* SPDX-License-Identifier: Apache-2.0 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>

#include "base/cleanup.h"

static int fd_in_scope;

static int open_null(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	return fd;
}

static int keep_or_drop(int keep)
{
	WD_AUTO_FD int fd = open_null();

	fd_in_scope = fd;
	if (keep)
		return wd_take_fd(fd);
	return -1;
}

static void test_fd(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(keep_or_drop(0), -1);
	assert_int_equal(fcntl(fd_in_scope, F_GETFD), -1);
	assert_int_equal(errno, EBADF);
	fd = keep_or_drop(1);
	assert_int_equal(fd, fd_in_scope);
	assert_true(fcntl(fd, F_GETFD) >= 0);
	close(fd);
}

static char *keep_text(void)
{
	/* Both are watched by the leak sanitizer. */
	WD_AUTO_FREE char *dropped = malloc(8);
	WD_AUTO_FREE char *kept = malloc(8);

	assert_non_null(dropped);
	return wd_take_ptr(kept);
}

static void test_ptr(void **state)
{
	char *s = keep_text();

	(void)state;
	assert_non_null(s);
	free(s);
}

static void test_streams(void **state)
{
	WD_AUTO_FILE FILE *f = fopen("/dev/null", "re");
	WD_AUTO_DIR DIR *d = opendir("/");
	WD_AUTO_FILE FILE *no_file = NULL;
	WD_AUTO_DIR DIR *no_dir = NULL;
	WD_AUTO_FD int no_fd = -1;

	(void)state;
	assert_non_null(f);
	assert_non_null(d);
	assert_null(no_file);
	assert_null(no_dir);
	assert_int_equal(no_fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fd),
		cmocka_unit_test(test_ptr),
		cmocka_unit_test(test_streams),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
