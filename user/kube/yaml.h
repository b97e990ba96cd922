/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A small YAML document as a tree, each node with its line, for kubeconfig files. Hostile
 * documents are refused: no aliases (so no tree that grows while it is read), few levels, few
 * nodes, each key once. Pure.
 */
#ifndef WD_KUBE_YAML_H
#define WD_KUBE_YAML_H

#include <stdbool.h>
#include <stddef.h>

#define WD_YAML_DEPTH_MAX 16
#define WD_YAML_NODES_MAX 50000
#define WD_YAML_ERRLEN    200

enum wd_yaml_kind {
	WD_YAML_SCALAR,
	WD_YAML_MAP,
	WD_YAML_LIST,
};

struct wd_yaml {
	enum wd_yaml_kind kind;
	unsigned int line; /* from 1 */
	bool quoted;       /* a scalar that is a string, whatever it looks like */
	char *text;        /* of a scalar */
	char *key;         /* of a member of a map */
	struct wd_yaml *first, *next;
};

/* -EPROTO, with err: "line 12: …". An empty document is an empty map. */
int wd_yaml_parse(const char *text, size_t n, struct wd_yaml **ret, char err[WD_YAML_ERRLEN]);
void wd_yaml_free(struct wd_yaml *y);
/* NULL: absent, or null. */
const struct wd_yaml *wd_yaml_get(const struct wd_yaml *map, const char *key);

#endif
