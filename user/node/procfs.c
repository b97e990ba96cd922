/* SPDX-License-Identifier: Apache-2.0 */
#include "node/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "node/procnet.h"

#define READ_CHUNK   65536
#define PACE_DIVISOR 20

int wd_procfs_open_pid(int dir, uint32_t pid)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%u", pid);
	fd = openat(dir, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static uint32_t netns_link(int dir, const char *path)
{
	char link[64];
	ssize_t n = readlinkat(dir, path, link, sizeof(link));

	return n > 0 ? wd_procnet_ns_inode(link, (size_t)n) : 0;
}

uint32_t wd_procfs_netns(int pid_dir)
{
	return netns_link(pid_dir, "ns/net");
}

uint32_t wd_procfs_netns_of(int dir, uint32_t pid)
{
	char path[32];

	snprintf(path, sizeof(path), "%u/ns/net", pid);
	return netns_link(dir, path);
}

int wd_procfs_start_ns(int pid_dir, uint64_t *ret)
{
	uint64_t hz = (uint64_t)sysconf(_SC_CLK_TCK), ticks;
	int fd WD_AUTO_FD = openat(pid_dir, "stat", O_RDONLY | O_CLOEXEC);
	char text[1024];
	ssize_t n;
	int err;

	if (fd < 0)
		return -errno;
	n = read(fd, text, sizeof(text));
	if (n < 0)
		return -errno;
	err = wd_procnet_start_ticks(text, (size_t)n, &ticks);
	if (err)
		return err;
	if (!hz || ticks / hz > UINT64_MAX / WD_NSEC_PER_SEC - 1)
		return -EINVAL;
	*ret = ticks / hz * WD_NSEC_PER_SEC + ticks % hz * (WD_NSEC_PER_SEC / hz);
	return 0;
}

int wd_procfs_read(int dir, const char *path, struct wd_buf *b)
{
	/* A fifo in the place of a file must not stop us. */
	int fd WD_AUTO_FD = openat(dir, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char beyond;

	wd_buf_reset(b);
	if (fd < 0)
		return -errno;
	while (b->len < b->cap) {
		size_t room = b->cap - b->len < READ_CHUNK ? b->cap - b->len : READ_CHUNK;
		char *at = wd_buf_reserve(b, room);
		ssize_t n;

		if (!at)
			return b->err;
		n = read(fd, at, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (!n)
			return 0;
		b->len += (size_t)n;
	}
	return read(fd, &beyond, 1) == 0 ? 0 : 1;
}

uint32_t wd_procfs_pid(const char *name)
{
	struct wd_span s = wd_span(name, strlen(name));
	uint64_t v;

	return wd_span_number(&s, 10, INT32_MAX, &v) ? (uint32_t)v : 0;
}

uint64_t wd_procfs_boottime_ns(void)
{
	struct timespec ts = {0};

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * WD_NSEC_PER_SEC + (uint64_t)ts.tv_nsec;
}

bool wd_pace_due(const struct wd_pace *p, uint64_t now, bool missed)
{
	uint64_t age = missed ? WD_PACE_MIN_AGE_NS : WD_PACE_MAX_AGE_NS;

	if (!p->last_ns)
		return true;
	if (p->cost_ns > age / PACE_DIVISOR)
		age = p->cost_ns * PACE_DIVISOR;
	return now - p->last_ns >= age;
}

void wd_pace_done(struct wd_pace *p, uint64_t start_ns)
{
	p->last_ns = wd_clock_monotonic_ns();
	p->cost_ns = p->last_ns - start_ns;
}
