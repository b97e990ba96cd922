/* SPDX-License-Identifier: Apache-2.0 */
/* A temporary directory that plays /proc or the root of a node. */
#ifndef WD_TEST_NODE_TREE_H
#define WD_TEST_NODE_TREE_H

#include <ftw.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct tree {
	char root[64];
};

static inline void tree_make(struct tree *t)
{
	snprintf(t->root, sizeof(t->root), "/tmp/wd-node-XXXXXX");
	if (!mkdtemp(t->root))
		abort();
}

static inline int tree_unlink(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

static inline void tree_remove(struct tree *t)
{
	nftw(t->root, tree_unlink, 16, FTW_DEPTH | FTW_PHYS);
}

/* Full path of a name in the tree; its directories are made. */
static inline const char *tree_path(const struct tree *t, const char *name)
{
	static char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", t->root, name);
	for (char *p = path + strlen(t->root) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(path, 0755);
		*p = '/';
	}
	return path;
}

static inline void tree_write(const struct tree *t, const char *name, const char *text)
{
	FILE *f = fopen(tree_path(t, name), "w");

	if (!f || fputs(text, f) < 0 || fclose(f))
		abort();
}

static inline void tree_dir(const struct tree *t, const char *name)
{
	if (mkdir(tree_path(t, name), 0755))
		abort();
}

static inline void tree_link(const struct tree *t, const char *name, const char *to)
{
	unlink(tree_path(t, name));
	if (symlink(to, tree_path(t, name)))
		abort();
}

static inline __attribute__((format(printf, 1, 2))) const char *text_of(const char *fmt, ...)
{
	static char ring[4][PATH_MAX];
	static unsigned int at;
	char *text = ring[at++ % 4];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, PATH_MAX, fmt, ap);
	va_end(ap);
	return text;
}

#endif
