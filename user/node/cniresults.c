/* SPDX-License-Identifier: Apache-2.0 */
#include "node/cniresults.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "node/azurestate.h"

int wd_cniresults_init(struct wd_cniresults *c, const char *host_root)
{
	static const char *const below[2] = {"/var/lib/cni/results", "/var/lib/cni/cache/results"};

	/* /var/run is an absolute link on most nodes, and leads elsewhere below a host_root. */
	static const char *const azure[WD_CNIRESULTS_AZURE] = {
		"/run/azure-vnet.json", "/var/run/azure-vnet.json",
		"/run/azure-cns/azure-endpoints.json", "/var/run/azure-cns/azure-endpoints.json"};

	memset(c, 0, sizeof(*c));
	for (size_t i = 0; i < WD_CNIRESULTS_AZURE; i++) {
		if (asprintf(&c->azure[i].path, "%s%s", host_root, azure[i]) < 0) {
			c->azure[i].path = NULL;
			wd_cniresults_release(c);
			return -ENOMEM;
		}
	}
	for (size_t i = 0; i < 2; i++) {
		if (asprintf(&c->dirs[i], "%s%s", host_root, below[i]) < 0) {
			c->dirs[i] = NULL;
			wd_cniresults_release(c);
			return -ENOMEM;
		}
	}
	return 0;
}

static void result_release(struct wd_cniresult *r)
{
	free(r->file);
	free(r->cache);
	*r = (struct wd_cniresult){0};
}

static void table_free(struct wd_cniresult *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		result_release(&v[i]);
	free(v);
}

void wd_cniresults_release(struct wd_cniresults *c)
{
	table_free(c->v, c->n);
	c->v = NULL;
	c->n = 0;
	for (size_t i = 0; i < 2; i++) {
		free(c->dirs[i]);
		c->dirs[i] = NULL;
	}
	for (size_t i = 0; i < WD_CNIRESULTS_AZURE; i++) {
		free(c->azure[i].path);
		free(c->azure[i].v);
		c->azure[i] = (struct wd_cniresults_azure){0};
	}
}

static int result_compare(const void *a, const void *b)
{
	const struct wd_cniresult *x = a, *y = b;
	int r = strcmp(x->file, y->file);

	if (r)
		return r;
	return x->ino < y->ino ? -1 : x->ino > y->ino;
}

static bool is_unchanged(const struct wd_cniresult *old, const struct wd_cniresult *now)
{
	return old && old->size == now->size && old->mtime_ns == now->mtime_ns;
}

static void result_read(struct wd_cniresult *r, int dir, struct wd_buf *buf)
{
	struct wd_cnicache cache;

	if (r->size > WD_CNICACHE_FILE_MAX)
		return;
	buf->cap = WD_CNICACHE_FILE_MAX;
	if (wd_procfs_read(dir, r->file, buf) ||
	    wd_cnicache_parse(buf->data ? buf->data : "", buf->len, &cache))
		return;
	r->cache = malloc(sizeof(cache));
	if (r->cache)
		*r->cache = cache;
}

static uint64_t mtime_of(const struct stat *st)
{
	return (uint64_t)st->st_mtim.tv_sec * WD_NSEC_PER_SEC + (uint64_t)st->st_mtim.tv_nsec;
}

/* Appends one directory entry to c, out of the old table when it has not changed. */
static bool entry_add(struct wd_cniresults *c, int dir, const char *name,
                      const struct wd_cniresults *old, struct wd_buf *buf)
{
	struct wd_cniresult r = {0}, *grown, *before = NULL;
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) || !S_ISREG(st.st_mode))
		return true;
	if (c->n == WD_CNIRESULTS_MAX)
		return false;
	grown = reallocarray(c->v, c->n + 1, sizeof(*grown));
	if (!grown)
		return false;
	c->v = grown;
	r.file = strdup(name);
	if (!r.file)
		return false;
	r.ino = st.st_ino;
	r.size = (uint64_t)st.st_size;
	r.mtime_ns = mtime_of(&st);
	if (old->n)
		before = bsearch(&r, old->v, old->n, sizeof(r), result_compare);
	if (is_unchanged(before, &r))
		r.cache = wd_take_ptr(before->cache);
	else
		result_read(&r, dir, buf);
	c->v[c->n++] = r;
	return true;
}

/* Reads one of Azure's files if it has changed. What cannot be read (it is being written)
 * is unknown until it can. twin: the same by another path, or NULL. */
static void azure_read(struct wd_cniresults_azure *a, const struct wd_cniresults_azure *twin,
                       struct wd_buf *buf)
{
	struct wd_cniresults_azure now = {.path = a->path};
	struct stat st;

	if (!stat(a->path, &st) && S_ISREG(st.st_mode) && !(twin && twin->ino == st.st_ino)) {
		now.ino = st.st_ino;
		now.size = (uint64_t)st.st_size;
		now.mtime_ns = mtime_of(&st);
	}
	if (now.ino == a->ino && now.size == a->size && now.mtime_ns == a->mtime_ns)
		return;
	buf->cap = WD_AZURESTATE_FILE_MAX;
	if (now.ino && (wd_procfs_read(AT_FDCWD, a->path, buf) ||
	                wd_azurestate_parse(buf->data ? buf->data : "", buf->len, &now.v, &now.n)))
		now.ino = 0;
	free(a->v);
	*a = now;
}

bool wd_cniresults_refresh(struct wd_cniresults *c, bool missed, struct wd_buf *buf)
{
	uint64_t start = wd_clock_monotonic_ns();
	struct wd_cniresults old = *c;

	if (!wd_pace_due(&c->pace, start, missed))
		return false;
	c->v = NULL;
	c->n = 0;
	for (size_t i = 0; i < 2; i++) {
		DIR *d WD_AUTO_DIR = opendir(c->dirs[i]);
		const struct dirent *e;

		while (d && (e = readdir(d)))
			if (wd_clock_monotonic_ns() - start > WD_CNIRESULTS_READ_NS ||
			    !entry_add(c, dirfd(d), e->d_name, &old, buf))
				break;
	}
	if (c->n)
		qsort(c->v, c->n, sizeof(c->v[0]), result_compare);
	table_free(old.v, old.n);
	for (size_t i = 0; i < WD_CNIRESULTS_AZURE; i++)
		azure_read(&c->azure[i], i % 2 ? &c->azure[i - 1] : NULL, buf);
	wd_pace_done(&c->pace, start);
	return true;
}

/* The next entry that is a pod's, of all that there are; NULL: no more. */
static const struct wd_cnicache *next(const struct wd_cniresults *c, size_t *at)
{
	while (*at < c->n) {
		const struct wd_cnicache *cache = c->v[(*at)++].cache;

		if (cache)
			return cache;
	}
	for (size_t i = 0, first = c->n; i < WD_CNIRESULTS_AZURE; first += c->azure[i++].n)
		if (*at < first + c->azure[i].n)
			return &c->azure[i].v[(*at)++ - first];
	return NULL;
}

const struct wd_cnicache *wd_cniresults_by_mount(const struct wd_cniresults *c, const char *mount,
                                                 size_t *at)
{
	const struct wd_cnicache *cache;

	while (mount[0] && (cache = next(c, at)))
		if (!strcmp(cache->mount, mount))
			return cache;
	return NULL;
}

const struct wd_cnicache *wd_cniresults_by_addr(const struct wd_cniresults *c,
                                                const struct wd_addr *addr, size_t *at)
{
	const struct wd_cnicache *cache;

	while ((cache = next(c, at)))
		for (unsigned int i = 0; i < cache->n_addrs; i++)
			if (wd_addr_equal(&cache->addrs[i], addr))
				return cache;
	return NULL;
}

const struct wd_cnicache *wd_cniresults_by_device(const struct wd_cniresults *c, const char *device,
                                                  size_t *at)
{
	const struct wd_cnicache *cache;

	while (device[0] && (cache = next(c, at)))
		if (!strcmp(cache->device, device))
			return cache;
	return NULL;
}
