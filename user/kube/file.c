/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/file.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"

static bool root_is_ours(const char *root)
{
	return !root || !root[0] || strcmp(root, "/") == 0;
}

static int open_joined(const char *root, const char *path)
{
	WD_AUTO_FREE char *joined = NULL;

	if (asprintf(&joined, "%s/%s", root, path) < 0) {
		joined = NULL;
		return -ENOMEM;
	}
	int fd = open(joined, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	return fd < 0 ? -errno : fd;
}

/* O_NONBLOCK: a FIFO in that place must not stop us. */
int wd_kube_file_open(const char *root, const char *path)
{
	struct open_how how = {
		.flags = O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
		.resolve = RESOLVE_IN_ROOT,
	};
	WD_AUTO_FD int dir = -1;
	int fd;

	if (root_is_ours(root)) {
		fd = open(path, (int)how.flags);
		return fd < 0 ? -errno : fd;
	}
	dir = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return -errno;
	fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof(how));
	/* below 5.6, and seccomp filters that do not know it */
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return open_joined(root, path);
	return fd < 0 ? -errno : fd;
}

static int read_whole(int fd, char *data, size_t cap, size_t *ret_n)
{
	size_t n = 0;

	while (n <= cap) {
		ssize_t got = read(fd, data + n, cap + 1 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -errno;
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n > cap)
		return -EFBIG;
	*ret_n = n;
	return 0;
}

int wd_kube_file_read(const char *root, const char *path, size_t cap, char **ret, size_t *ret_n)
{
	WD_AUTO_FREE char *data = NULL;
	WD_AUTO_FD int fd = -1;
	struct stat st;
	size_t n = 0, room;
	int r;

	fd = wd_kube_file_open(root, path);
	if (fd < 0)
		return fd;
	if (fstat(fd, &st))
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size > (off_t)cap)
		return -EFBIG;
	/* it may grow meanwhile, and files of /proc have no size */
	room = st.st_size ? (size_t)st.st_size + 64 : 4096;
	if (room > cap)
		room = cap;
	data = malloc(room + 2);
	if (!data)
		return -ENOMEM;
	r = read_whole(fd, data, room, &n);
	if (r < 0)
		return r;
	data[n] = '\0';
	*ret = wd_take_ptr(data);
	*ret_n = n;
	return 0;
}

uint64_t wd_kube_file_stamp(const char *root, const char *path)
{
	WD_AUTO_FD int fd = wd_kube_file_open(root, path);
	struct stat st;
	uint64_t h;

	if (fd < 0 || fstat(fd, &st))
		return 0;
	h = (uint64_t)st.st_ino * 0x9e3779b97f4a7c15ull ^ (uint64_t)st.st_dev;
	h = h * 31 + (uint64_t)st.st_mtim.tv_sec;
	h = h * 1000003 + (uint64_t)st.st_mtim.tv_nsec;
	h = h * 31 + (uint64_t)st.st_size;
	return h ? h : 1;
}

char *wd_kube_file_beside(const char *beside, const char *path)
{
	const char *slash = strrchr(beside, '/');
	char *joined;

	if (path[0] == '/' || !slash)
		return strdup(path);
	if (asprintf(&joined, "%.*s/%s", (int)(slash - beside), beside, path) < 0)
		return NULL;
	return joined;
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

int wd_kube_base64_decode(const char *text, char **ret, size_t *ret_n)
{
	WD_AUTO_FREE char *out = malloc(strlen(text) / 4 * 3 + 4);
	unsigned int held = 0, bits = 0, chars = 0, pads = 0;
	size_t n = 0;

	if (!out)
		return -ENOMEM;
	for (; *text; text++) {
		int v;

		if (strchr(" \t\r\n", *text))
			continue;
		chars++;
		if (*text == '=') {
			pads++;
			continue;
		}
		v = base64_value(*text);
		if (v < 0 || pads)
			return -EINVAL;
		held = held << 6 | (unsigned int)v;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (char)(held >> bits & 0xff);
		}
	}
	if (chars % 4 || pads > 2)
		return -EINVAL;
	out[n] = '\0';
	*ret = wd_take_ptr(out);
	*ret_n = n;
	return 0;
}
