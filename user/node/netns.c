/* SPDX-License-Identifier: Apache-2.0 */
#include "node/netns.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "node/procnet.h"

/* include/linux/proc_ns.h: PROC_PID_INIT_INO */
#define PID_NS_INITIAL "pid:[4026531836]"

struct pair {
	uint32_t ino, pid;
};

struct pairs {
	struct pair *v;
	size_t n, alloc;
};

/*
 * Whether this /proc shows the pids of the initial namespace, in which BPF programs give
 * them. Kernel threads live there alone, and kthreadd is always 2; where we may not look,
 * our own namespace tells as much.
 */
static bool shows_initial_pids(int proc)
{
	char text[512], link[64] = "";
	int fd WD_AUTO_FD = openat(proc, "2/stat", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, text, sizeof(text)) : -1;

	if (n > 0 && wd_procnet_is_kthread(text, (size_t)n))
		return true;
	return readlinkat(proc, "self/ns/pid", link, sizeof(link) - 1) > 0 &&
	       !strcmp(link, PID_NS_INITIAL);
}

int wd_netnses_init(struct wd_netnses *s, const char *proc, const char *host_root)
{
	size_t n = strlen(host_root);
	struct stat st;

	memset(s, 0, sizeof(*s));
	s->proc = open(proc, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->proc < 0)
		return -errno;
	while (n && host_root[n - 1] == '/')
		n--;
	s->host_root = strndup(host_root, n);
	if (!s->host_root) {
		wd_netnses_release(s);
		return -ENOMEM;
	}
	/* Fails in a copy of /proc only; there any file may stand for a namespace. */
	if (!fstatat(s->proc, "self/ns/net", &st, 0))
		s->nsfs = st.st_dev;
	s->pids_are_ours = shows_initial_pids(s->proc);
	return 0;
}

static void tables_free(struct wd_netnses *s)
{
	free(s->v);
	free(s->mounts);
	s->v = NULL;
	s->mounts = NULL;
	s->n = s->n_mounts = 0;
}

void wd_netnses_release(struct wd_netnses *s)
{
	tables_free(s);
	free(s->host_root);
	s->host_root = NULL;
	if (s->proc >= 0)
		close(s->proc);
	s->proc = -1;
}

static bool pair_add(struct pairs *p, uint32_t ino, uint32_t pid)
{
	if (p->n == p->alloc) {
		size_t alloc = p->alloc ? p->alloc * 2 : 256;
		struct pair *v = realloc(p->v, alloc * sizeof(*v));

		if (!v)
			return false;
		p->v = v;
		p->alloc = alloc;
	}
	p->v[p->n++] = (struct pair){.ino = ino, .pid = pid};
	return true;
}

/* A process that has gone while we looked is not one that we may not look at: only the
 * latter leaves a hole in the answer. (procfs says EACCES to both.) */
static bool is_denied(int proc, uint32_t pid, int err)
{
	char name[16];

	if (err != EACCES && err != EPERM)
		return false;
	snprintf(name, sizeof(name), "%u", pid);
	return !faccessat(proc, name, F_OK, 0);
}

/* Processes outside our own namespace; false when some may be missing. */
static bool pids_scan(const struct wd_netnses *s, uint64_t deadline, struct pairs *ret)
{
	int fd = openat(s->proc, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d WD_AUTO_DIR = fd >= 0 ? fdopendir(fd) : NULL;
	const struct dirent *e;
	unsigned int seen = 0;
	bool denied = false;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	while ((e = readdir(d))) {
		uint32_t pid = wd_procfs_pid(e->d_name), ino;

		if (!pid)
			continue;
		if (++seen > WD_NETNS_PIDS_MAX ||
		    (seen % 256 == 0 && wd_clock_monotonic_ns() > deadline))
			return false;
		ino = wd_procfs_netns_of(s->proc, pid);
		/* init may hold capabilities that we lack (a container's root), and is then
		 * closed to us; but it lives where the node does */
		if (!ino)
			denied = denied || (pid != 1 && is_denied(s->proc, pid, errno));
		else if (ino != s->own && !pair_add(ret, ino, pid))
			return false;
	}
	return !denied;
}

/* Adds the namespaces that have a name in this directory; false when cut. */
static bool mounts_scan(struct wd_netnses *s, const char *below)
{
	char path[PATH_MAX];
	DIR *d WD_AUTO_DIR = NULL;
	const struct dirent *e;

	if ((size_t)snprintf(path, sizeof(path), "%s%s", s->host_root, below) >= sizeof(path))
		return true;
	d = opendir(path);
	while (d && (e = readdir(d))) {
		struct wd_netns_mount *m;
		struct stat st;

		if (e->d_name[0] == '.' || strlen(e->d_name) >= WD_NETNS_NAME_LEN)
			continue;
		/* A plain file: its namespace has gone, or is mounted where we cannot see. */
		if (fstatat(dirfd(d), e->d_name, &st, 0) || (s->nsfs && st.st_dev != s->nsfs) ||
		    !st.st_ino || st.st_ino > UINT32_MAX)
			continue;
		if (s->n_mounts == WD_NETNS_MOUNTS_MAX)
			return false;
		m = reallocarray(s->mounts, s->n_mounts + 1, sizeof(*m));
		if (!m)
			return false;
		s->mounts = m;
		m = &s->mounts[s->n_mounts++];
		memcpy(m->name, e->d_name, strlen(e->d_name) + 1);
		m->ino = (uint32_t)st.st_ino;
	}
	return true;
}

static int mount_compare(const void *a, const void *b)
{
	const struct wd_netns_mount *x = a, *y = b;

	return strcmp(x->name, y->name);
}

static int pair_compare(const void *a, const void *b)
{
	const struct pair *x = a, *y = b;

	if (x->ino != y->ino)
		return x->ino < y->ino ? -1 : 1;
	return x->pid < y->pid ? -1 : x->pid > y->pid;
}

/* Own, every process's and every mounted namespace, once each. Pid 0 stands for "no
 * process known" and sorts first. */
static bool table_build(struct wd_netnses *s, struct pairs *p)
{
	struct wd_netns *ns = NULL;

	for (size_t i = 0; i < s->n_mounts; i++)
		if (!pair_add(p, s->mounts[i].ino, 0))
			return false;
	if (!pair_add(p, s->own, 0))
		return false;
	qsort(p->v, p->n, sizeof(p->v[0]), pair_compare);
	s->v = calloc(p->n, sizeof(s->v[0]));
	if (!s->v)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		if (!ns || ns->ino != p->v[i].ino) {
			ns = &s->v[s->n++];
			ns->ino = p->v[i].ino;
			ns->own = ns->ino == s->own;
		}
		if (p->v[i].pid && ns->n_pids < WD_NETNS_PIDS_KEPT)
			ns->pids[ns->n_pids++] = p->v[i].pid;
	}
	return true;
}

static void names_set(struct wd_netnses *s)
{
	struct wd_netns *ns;

	for (size_t i = 0; i < s->n_mounts; i++) {
		ns = wd_netnses_find(s, s->mounts[i].ino);
		if (ns && !ns->name[0])
			memcpy(ns->name, s->mounts[i].name, sizeof(ns->name));
	}
	ns = wd_netnses_find(s, s->own);
	if (ns)
		snprintf(ns->name, sizeof(ns->name), "node");
}

static uint32_t self_inode(const struct wd_netnses *s)
{
	int fd WD_AUTO_FD = openat(s->proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? 0 : wd_procfs_netns(fd);
}

bool wd_netnses_refresh(struct wd_netnses *s, bool missed)
{
	uint64_t start = wd_clock_monotonic_ns();
	struct pairs p = {0};
	bool ok;

	if (!wd_pace_due(&s->pace, start, missed))
		return false;
	tables_free(s);
	s->own = self_inode(s);
	ok = pids_scan(s, start + WD_NETNS_SCAN_NS, &p);
	ok &= mounts_scan(s, "/run/netns");
	/* The second is a link to the first on most nodes, and then an absolute one, which
	 * leads elsewhere below a host_root. */
	if (!s->n_mounts)
		ok &= mounts_scan(s, "/var/run/netns");
	if (s->n_mounts)
		qsort(s->mounts, s->n_mounts, sizeof(s->mounts[0]), mount_compare);
	ok &= table_build(s, &p);
	names_set(s);
	free(p.v);
	s->complete = ok && s->own && s->pids_are_ours;
	wd_pace_done(&s->pace, start);
	return true;
}

static int netns_compare(const void *key, const void *b)
{
	uint32_t ino = *(const uint32_t *)key;
	const struct wd_netns *ns = b;

	return ino < ns->ino ? -1 : ino > ns->ino;
}

struct wd_netns *wd_netnses_find(const struct wd_netnses *s, uint32_t ino)
{
	if (!ino || !s->n)
		return NULL;
	return bsearch(&ino, s->v, s->n, sizeof(s->v[0]), netns_compare);
}

struct wd_netns *wd_netnses_find_mount(const struct wd_netnses *s, const char *name)
{
	struct wd_netns_mount key = {0};
	const struct wd_netns_mount *m;

	if (!s->n_mounts || strlen(name) >= sizeof(key.name))
		return NULL;
	memcpy(key.name, name, strlen(name) + 1);
	m = bsearch(&key, s->mounts, s->n_mounts, sizeof(key), mount_compare);
	return m ? wd_netnses_find(s, m->ino) : NULL;
}

int wd_netns_open(const struct wd_netnses *s, const struct wd_netns *ns)
{
	if (ns->own) {
		int fd = openat(s->proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC);

		return fd < 0 ? -errno : fd;
	}
	for (unsigned int i = 0; i < ns->n_pids; i++) {
		int fd = wd_procfs_open_pid(s->proc, ns->pids[i]);

		if (fd < 0)
			continue;
		/* The number may be another process's by now, or it has moved. */
		if (wd_procfs_netns(fd) == ns->ino)
			return fd;
		close(fd);
	}
	return -ESRCH;
}
