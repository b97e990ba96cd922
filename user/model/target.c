/* SPDX-License-Identifier: Apache-2.0 */
#include "model/target.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* One to five digits without leading zero, 1..65535. */
static int parse_port(const char *s, uint16_t *ret)
{
	unsigned int v = 0;
	size_t n = 0;

	for (; s[n]; n++) {
		if (s[n] < '0' || s[n] > '9' || n == 5)
			return n == 5 ? -ERANGE : -EINVAL;
		v = v * 10 + (unsigned int)(s[n] - '0');
	}
	if (n == 0 || (s[0] == '0' && n > 1))
		return -EINVAL;
	if (v == 0 || v > 65535)
		return -ERANGE;
	*ret = (uint16_t)v;
	return 0;
}

/* Splits "prefix:port", "[v6 prefix]:port" or "prefix" into its two parts. */
static int split(const char *text, char *prefix, size_t size, const char **port)
{
	const char *end, *colon;
	size_t n;

	*port = NULL;
	if (text[0] == '[') {
		end = strchr(text, ']');
		if (!end || !memchr(text, ':', (size_t)(end - text)))
			return -EINVAL;
		if (end[1] == ':')
			*port = end + 2;
		else if (end[1] != '\0')
			return -EINVAL;
		text++;
		n = (size_t)(end - text);
	} else {
		colon = strchr(text, ':');
		n = strlen(text);
		/* two colons without brackets: a bare IPv6 address */
		if (colon && !strchr(colon + 1, ':')) {
			n = (size_t)(colon - text);
			*port = colon + 1;
		}
	}
	if (n == 0 || n >= size)
		return -EINVAL;
	memcpy(prefix, text, n);
	prefix[n] = '\0';
	return 0;
}

int wd_targets_add(struct wd_targets *ret, const char *text)
{
	struct wd_target t = {0};
	char prefix[WD_PREFIX_STRLEN];
	const char *port;
	int r;

	if (strcmp(text, "all") == 0) {
		ret->all = true;
		return 0;
	}
	r = split(text, prefix, sizeof(prefix), &port);
	if (r < 0)
		return r;
	r = wd_prefix_parse(prefix, &t.prefix);
	if (r < 0)
		return r;
	if (port) {
		r = parse_port(port, &t.port);
		if (r < 0)
			return r;
	}
	if (ret->n == WD_TARGETS_MAX)
		return -ENOSPC;
	ret->t[ret->n++] = t;
	return 0;
}

bool wd_targets_match(const struct wd_targets *t, const struct wd_addr *a, uint16_t port)
{
	if (t->all || wd_hosts_match(t->hosts, a, port))
		return true;
	for (size_t i = 0; i < t->n; i++)
		if ((!t->t[i].port || t->t[i].port == port) &&
		    wd_prefix_contains(&t->t[i].prefix, a))
			return true;
	return false;
}

char *wd_target_format(const struct wd_target *t, char buf[WD_TARGET_STRLEN])
{
	char p[WD_PREFIX_STRLEN];
	bool single = t->prefix.bits == 128;

	if (single)
		wd_addr_format(&t->prefix.addr, p);
	else
		wd_prefix_format(&t->prefix, p);
	if (!t->port)
		snprintf(buf, WD_TARGET_STRLEN, "%s", p);
	else if (wd_addr_is_v4(&t->prefix.addr))
		snprintf(buf, WD_TARGET_STRLEN, "%s:%u", p, t->port);
	else
		snprintf(buf, WD_TARGET_STRLEN, "[%s]:%u", p, t->port);
	return buf;
}
