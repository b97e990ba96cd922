/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/prune.h"

#include <string.h>

/* No reader in this room may ask for a member of one of these names that is an array or an
 * object (tests/unit/kube/prune_test.c compares). */
static const char *const names[] = {
	"affinity",
	"allocatable",
	"args",
	"capacity",
	"command",
	"containerStatuses",
	"daemonEndpoints",
	"env",
	"envFrom",
	"ephemeralContainerStatuses",
	"images",
	"initContainerStatuses",
	"lifecycle",
	"livenessProbe",
	"managedFields",
	"ownerReferences",
	"readinessProbe",
	"resources",
	"securityContext",
	"startupProbe",
	"tolerations",
	"topologySpreadConstraints",
	"volumeMounts",
	"volumes",
	"volumesAttached",
	"volumesInUse",
};

static bool is_useless(const char *key, size_t n)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (names[i][0] == key[0] && strlen(names[i]) == n && !memcmp(names[i], key, n))
			return true;
	return false;
}

/* From its quote on: what follows the string; NULL: it does not end. */
static const char *string_skip(const char *p, const char *end)
{
	for (p++; p < end && *p != '"'; p++)
		if (*p == '\\')
			p++;
	return p < end ? p + 1 : NULL;
}

/* From its bracket on. */
static const char *value_skip(const char *p, const char *end)
{
	static const bool means[256] = {
		['"'] = true, ['{'] = true, ['}'] = true, ['['] = true, [']'] = true,
	};
	size_t depth = 0;

	while (p && p < end) {
		if (!means[(unsigned char)*p]) {
			p++;
		} else if (*p == '"') {
			p = string_skip(p, end);
		} else {
			depth += *p == '{' || *p == '[' ? 1 : (size_t)-1;
			p++;
			if (!depth)
				return p;
		}
	}
	return NULL;
}

static const char *blank_skip(const char *p, const char *end)
{
	while (p < end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

/* What follows a string: if that makes it a key, its value, else NULL. */
static const char *value_of(const char *p, const char *end)
{
	p = blank_skip(p, end);
	return p < end && *p == ':' ? blank_skip(p + 1, end) : NULL;
}

bool wd_prune(struct wd_buf *out, const char *json, size_t n)
{
	const char *p = json, *from = json, *end = json + n, *key, *value;

	while ((key = memchr(p, '"', (size_t)(end - p)))) {
		p = string_skip(key, end);
		if (!p)
			return false;
		value = value_of(p, end);
		if (!value || value == end || (*value != '{' && *value != '[') ||
		    !is_useless(key + 1, (size_t)(p - key - 2)))
			continue;
		p = value_skip(value, end);
		if (!p)
			return false;
		wd_buf_put(out, from, (size_t)(value - from));
		wd_buf_puts(out, "null");
		from = p;
	}
	wd_buf_put(out, from, (size_t)(end - from));
	return from != json && !out->err;
}
