/* SPDX-License-Identifier: Apache-2.0 */
/* MISSING, the file that says what a snapshot lacks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "kube/snapshot.h"

#define MISSING_BYTES_MAX (256u << 10)

/* "- name: reason" */
static int line_read(struct wd_snapshot_gaps *g, char *line)
{
	char *colon = strstr(line, ": ");
	struct wd_snapshot_gap gap = {.partial = line[0] == '~'};

	if ((line[0] != '-' && line[0] != '~') || line[1] != ' ' || !colon)
		return 0;
	gap.name = strndup(line + 2, (size_t)(colon - line - 2));
	gap.reason = strdup(colon + 2);
	if (!gap.name || !gap.reason) {
		free(gap.name);
		free(gap.reason);
		return -ENOMEM;
	}
	g->v[g->n++] = gap;
	return 0;
}

int wd_snapshot_gaps_parse(char *text, struct wd_snapshot_gaps *ret)
{
	char *line;
	int r = 0;

	*ret = (struct wd_snapshot_gaps){.n = 0};
	while (!r && ret->n < WD_SNAPSHOT_MISSING_MAX && (line = strsep(&text, "\n")))
		r = line_read(ret, line);
	return r;
}

int wd_snapshot_gaps_read(const char *dir, struct wd_snapshot_gaps *ret)
{
	char *text WD_AUTO_FREE = calloc(1, MISSING_BYTES_MAX + 1);
	int at WD_AUTO_FD = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), fd = -1;
	FILE *f WD_AUTO_FILE = NULL;
	struct stat st;

	*ret = (struct wd_snapshot_gaps){.n = 0};
	if (!text)
		return -ENOMEM;
	if (at >= 0)
		fd = openat(at, "MISSING", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return -ENOMEM;
	}
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -EINVAL;
	text[fread(text, 1, MISSING_BYTES_MAX, f)] = '\0';
	return wd_snapshot_gaps_parse(text, ret);
}

void wd_snapshot_gaps_release(struct wd_snapshot_gaps *g)
{
	for (unsigned int i = 0; i < g->n; i++) {
		free(g->v[i].name);
		free(g->v[i].reason);
	}
	g->n = 0;
}

const struct wd_snapshot_gap *wd_snapshot_gap_find(const struct wd_snapshot_gaps *g,
                                                   const char *name)
{
	for (unsigned int i = 0; i < g->n; i++)
		if (!strcmp(g->v[i].name, name))
			return &g->v[i];
	return NULL;
}
