/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/yaml.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "base/cleanup.h"

struct reader {
	yaml_parser_t parser;
	unsigned int nodes;
	char *err;
};

static void cleanup_event(yaml_event_t *e)
{
	yaml_event_delete(e);
}
#define AUTO_EVENT wd_cleanup(cleanup_event)

__attribute__((format(printf, 3, 4))) static int fail(struct reader *r, size_t line,
                                                      const char *fmt, ...)
{
	va_list ap;
	int n = snprintf(r->err, WD_YAML_ERRLEN, "line %zu: ", line + 1);

	va_start(ap, fmt);
	vsnprintf(r->err + n, WD_YAML_ERRLEN - (size_t)n, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

static int next_event(struct reader *r, yaml_event_t *ret)
{
	if (yaml_parser_parse(&r->parser, ret))
		return 0;
	memset(ret, 0, sizeof(*ret));
	if (r->parser.error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	return fail(r, r->parser.problem_mark.line, "not YAML: %s",
	            r->parser.problem ? r->parser.problem : "unreadable");
}

void wd_yaml_free(struct wd_yaml *y)
{
	while (y) {
		struct wd_yaml *next = y->next;

		wd_yaml_free(y->first); /* no deeper than WD_YAML_DEPTH_MAX */
		free(y->text);
		free(y->key);
		free(y);
		y = next;
	}
}

static void cleanup_yaml(struct wd_yaml **y)
{
	wd_yaml_free(*y);
}
#define AUTO_YAML wd_cleanup(cleanup_yaml)

static bool scalar_is_null(const struct wd_yaml *y)
{
	return y->kind == WD_YAML_SCALAR && !y->quoted &&
	       (!y->text[0] || strcmp(y->text, "~") == 0 || strcmp(y->text, "null") == 0);
}

static struct wd_yaml *find(const struct wd_yaml *map, const char *key)
{
	if (!map || map->kind != WD_YAML_MAP)
		return NULL;
	for (struct wd_yaml *y = map->first; y; y = y->next)
		if (strcmp(y->key, key) == 0)
			return y;
	return NULL;
}

const struct wd_yaml *wd_yaml_get(const struct wd_yaml *map, const char *key)
{
	const struct wd_yaml *y = find(map, key);

	return y && !scalar_is_null(y) ? y : NULL;
}

static int scalar_text(struct reader *r, const yaml_event_t *e, char **ret)
{
	const char *text = (const char *)e->data.scalar.value;

	if (memchr(text, '\0', e->data.scalar.length))
		return fail(r, e->start_mark.line, "a text with a NUL byte");
	*ret = strndup(text, e->data.scalar.length);
	return *ret ? 0 : -ENOMEM;
}

static int read_node(struct reader *r, const yaml_event_t *e, unsigned int depth,
                     struct wd_yaml **ret);

static int read_key(struct reader *r, const struct wd_yaml *map, const yaml_event_t *e, char **ret)
{
	int err;

	if (e->type != YAML_SCALAR_EVENT)
		return fail(r, e->start_mark.line, "a key that is no text");
	err = scalar_text(r, e, ret);
	if (!err && find(map, *ret))
		err = fail(r, e->start_mark.line, "'%s' stands here twice", *ret);
	return err;
}

/* Members until the end event. find() makes it quadratic: maps of a kubeconfig are small, and
 * more than 256 members are none. */
static int read_members(struct reader *r, struct wd_yaml *y, unsigned int depth)
{
	struct wd_yaml **tail = &y->first;
	bool map = y->kind == WD_YAML_MAP;
	unsigned int n = 0;

	for (;; n++) {
		AUTO_EVENT yaml_event_t k = {0}, v = {0};
		WD_AUTO_FREE char *key = NULL;
		int err = next_event(r, map ? &k : &v);

		if (err)
			return err;
		if (k.type == YAML_MAPPING_END_EVENT || v.type == YAML_SEQUENCE_END_EVENT)
			return 0;
		if (map && n >= 256)
			return fail(r, k.start_mark.line, "more than 256 members in one map");
		if (map)
			err = read_key(r, y, &k, &key);
		if (!err && map)
			err = next_event(r, &v);
		if (!err)
			err = read_node(r, &v, depth + 1, tail);
		if (err)
			return err;
		(*tail)->key = wd_take_ptr(key);
		tail = &(*tail)->next;
	}
}

static int read_node(struct reader *r, const yaml_event_t *e, unsigned int depth,
                     struct wd_yaml **ret)
{
	AUTO_YAML struct wd_yaml *y = NULL;
	size_t line = e->start_mark.line;
	int err = 0;

	if (depth > WD_YAML_DEPTH_MAX)
		return fail(r, line, "more than %d levels", WD_YAML_DEPTH_MAX);
	if (++r->nodes > WD_YAML_NODES_MAX)
		return fail(r, line, "more than %d values", WD_YAML_NODES_MAX);
	y = calloc(1, sizeof(*y));
	if (!y)
		return -ENOMEM;
	y->line = (unsigned int)line + 1;
	switch (e->type) {
	case YAML_SCALAR_EVENT:
		y->kind = WD_YAML_SCALAR;
		y->quoted = e->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
		err = scalar_text(r, e, &y->text);
		break;
	case YAML_MAPPING_START_EVENT:
		y->kind = WD_YAML_MAP;
		err = read_members(r, y, depth);
		break;
	case YAML_SEQUENCE_START_EVENT:
		y->kind = WD_YAML_LIST;
		err = read_members(r, y, depth);
		break;
	case YAML_ALIAS_EVENT:
		return fail(r, line, "aliases (*%s) are not read here", e->data.alias.anchor);
	default:
		return fail(r, line, "not a value");
	}
	if (!err)
		*ret = wd_take_ptr(y);
	return err;
}

static int read_document(struct reader *r, struct wd_yaml **ret)
{
	for (;;) {
		AUTO_EVENT yaml_event_t e = {0};
		int err = next_event(r, &e);

		if (err)
			return err;
		switch (e.type) {
		case YAML_STREAM_START_EVENT:
		case YAML_DOCUMENT_START_EVENT:
			continue;
		case YAML_STREAM_END_EVENT:
			*ret = calloc(1, sizeof(**ret));
			if (!*ret)
				return -ENOMEM;
			(*ret)->kind = WD_YAML_MAP;
			(*ret)->line = 1;
			return 0;
		default:
			return read_node(r, &e, 0, ret);
		}
	}
}

int wd_yaml_parse(const char *text, size_t n, struct wd_yaml **ret, char err[WD_YAML_ERRLEN])
{
	AUTO_YAML struct wd_yaml *y = NULL;
	struct reader r = {.err = err};
	int e;

	if (!yaml_parser_initialize(&r.parser))
		return -ENOMEM;
	yaml_parser_set_input_string(&r.parser, (const unsigned char *)text, n);
	e = read_document(&r, &y);
	yaml_parser_delete(&r.parser);
	if (!e)
		*ret = wd_take_ptr(y);
	return e;
}
