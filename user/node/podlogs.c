/* SPDX-License-Identifier: Apache-2.0 */
#include "node/podlogs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/clock.h"

int wd_podlogs_init(struct wd_podlogs *p, const char *host_root)
{
	memset(p, 0, sizeof(*p));
	if (asprintf(&p->pods.dir, "%s/var/log/pods", host_root) < 0) {
		p->pods.dir = NULL;
		return -ENOMEM;
	}
	if (asprintf(&p->containers.dir, "%s/var/log/containers", host_root) < 0) {
		p->containers.dir = NULL;
		wd_podlogs_release(p);
		return -ENOMEM;
	}
	return 0;
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names_free(struct wd_podlogs_names *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->v[i]);
	free(l->v);
	l->v = NULL;
	l->n = 0;
}

static void names_release(struct wd_podlogs_names *l)
{
	names_free(l);
	free(l->dir);
	l->dir = NULL;
}

void wd_podlogs_release(struct wd_podlogs *p)
{
	names_release(&p->pods);
	names_release(&p->containers);
}

/* "shop_cart-0_<uid>": no uid has a '_', and no id a '-'. */
static const char *pod_key(const char *name)
{
	const char *at = strrchr(name, '_');

	return at ? at + 1 : "";
}

/* "cart-0_shop_app-<id>.log" */
static const char *container_key(const char *name)
{
	const char *at = strrchr(name, '-');

	return at ? at + 1 : "";
}

static int pod_compare(const void *a, const void *b)
{
	return strcmp(pod_key(*(char *const *)a), pod_key(*(char *const *)b));
}

static int container_compare(const void *a, const void *b)
{
	return strcmp(container_key(*(char *const *)a), container_key(*(char *const *)b));
}

static bool is_pod(const char *name)
{
	struct wd_pod_ref ref;
	struct wd_pod_uid uid;

	return wd_podpath_log_dir(name, &ref, &uid);
}

static bool is_container(const char *name)
{
	char container[WD_CONTAINER_NAME_LEN];
	struct wd_container_id id;
	struct wd_pod_ref ref;

	return wd_podpath_log_link(name, &ref, container, &id);
}

static void names_read(struct wd_podlogs_names *l, bool (*want)(const char *name),
                       int (*compare)(const void *a, const void *b))
{
	DIR *d WD_AUTO_DIR = opendir(l->dir);
	const struct dirent *e;

	while (d && l->n < WD_PODLOGS_MAX && (e = readdir(d))) {
		char **grown;

		if (!want(e->d_name))
			continue;
		grown = reallocarray(l->v, l->n + 1, sizeof(*grown));
		if (!grown)
			break;
		l->v = grown;
		l->v[l->n] = strdup(e->d_name);
		if (!l->v[l->n])
			break;
		l->n++;
	}
	if (l->n)
		qsort(l->v, l->n, sizeof(l->v[0]), compare);
}

/* The one name whose key begins with this; NULL: there is none, or there are several. */
static const char *names_find(const struct wd_podlogs_names *l,
                              const char *(*key)(const char *name), const char *want)
{
	size_t lo = 0, hi = l->n, len = strlen(want);

	while (lo < hi) {
		size_t mid = lo + (hi - lo) / 2;

		if (strncmp(key(l->v[mid]), want, len) < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (lo == l->n || strncmp(key(l->v[lo]), want, len))
		return NULL;
	if (lo + 1 < l->n && !strncmp(key(l->v[lo + 1]), want, len))
		return NULL;
	return l->v[lo];
}

/* ---- questions ------------------------------------------------------------------------------- */

static const char *pod_name(struct wd_podlogs *p, const struct wd_pod_uid *uid)
{
	const char *name = names_find(&p->pods, pod_key, uid->text);
	uint64_t now = wd_clock_monotonic_ns();

	if (name || !wd_pace_due(&p->pods.pace, now, true))
		return name;
	names_free(&p->pods);
	names_read(&p->pods, is_pod, pod_compare);
	wd_pace_done(&p->pods.pace, now);
	return names_find(&p->pods, pod_key, uid->text);
}

bool wd_podlogs_find(struct wd_podlogs *p, const struct wd_pod_uid *uid, struct wd_pod_ref *ret)
{
	const char *name = pod_name(p, uid);
	struct wd_pod_ref ref;
	struct wd_pod_uid same;

	/* a uid of 32 digits is the beginning of no other, which has dashes */
	if (!name || !wd_podpath_log_dir(name, &ref, &same) || strcmp(same.text, uid->text))
		return false;
	*ret = ref;
	return true;
}

static const char *link_name(struct wd_podlogs *p, const struct wd_container_id *id)
{
	const char *name = names_find(&p->containers, container_key, id->text);
	uint64_t now = wd_clock_monotonic_ns();

	if (name || !wd_pace_due(&p->containers.pace, now, true))
		return name;
	names_free(&p->containers);
	names_read(&p->containers, is_container, container_compare);
	wd_pace_done(&p->containers.pace, now);
	return names_find(&p->containers, container_key, id->text);
}

/* /var/log/pods/<pod>/<container>/: its name, if there is one and no more. */
static bool only_container(struct wd_podlogs *p, const struct wd_pod_uid *uid,
                           char ret[WD_CONTAINER_NAME_LEN])
{
	const char *name = pod_name(p, uid);
	int top WD_AUTO_FD = open(p->pods.dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd = name && top >= 0
	                 ? openat(top, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
	                 : -1;
	DIR *d WD_AUTO_DIR = fd >= 0 ? fdopendir(fd) : NULL;
	char found[WD_CONTAINER_NAME_LEN] = "";
	const struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return false;
	}
	for (unsigned int i = 0; (e = readdir(d)); i++) {
		size_t n = strlen(e->d_name);

		if (i > WD_PODLOGS_CONTAINERS_MAX || (found[0] && e->d_name[0] != '.'))
			return false;
		if (wd_podpath_is_label(e->d_name, n))
			memcpy(found, e->d_name, n + 1);
	}
	if (found[0])
		memcpy(ret, found, sizeof(found));
	return found[0];
}

bool wd_podlogs_container(struct wd_podlogs *p, const struct wd_pod_uid *uid,
                          const struct wd_pod_ref *pod, const struct wd_container_id *id,
                          char ret[WD_CONTAINER_NAME_LEN])
{
	char container[WD_CONTAINER_NAME_LEN];
	struct wd_container_id same;
	struct wd_pod_ref ref;
	const char *link;

	if (!id->text[0])
		return false;
	link = link_name(p, id);
	if (!link)
		return !p->containers.n && only_container(p, uid, ret);
	if (!wd_podpath_log_link(link, &ref, container, &same) || strcmp(ref.ns, pod->ns) ||
	    strcmp(ref.name, pod->name))
		return false;
	memcpy(ret, container, sizeof(container));
	return true;
}
