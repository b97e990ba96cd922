/* SPDX-License-Identifier: Apache-2.0 */
#include "node/apiserver.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "node/lines.h"
#include "node/podpath.h"
#include "node/procfs.h"

static const char source_env[] = "KUBERNETES_SERVICE_HOST";
static const char source_hosts[] = "/etc/hosts";

/* ---- URLs ---------------------------------------------------------------------------------- */

static bool lower_copy(const struct wd_span *s, char ret[WD_APISERVER_NAME_LEN])
{
	if (!s->n || s->n >= WD_APISERVER_NAME_LEN)
		return false;
	for (size_t i = 0; i < s->n; i++)
		ret[i] = (char)tolower((unsigned char)s->p[i]);
	ret[s->n] = '\0';
	return true;
}

static bool is_host(const char *host)
{
	struct wd_addr a;

	return !wd_addr_parse(host, &a) || wd_podpath_is_subdomain(host, strlen(host));
}

static bool port_parse(const struct wd_span *s, uint16_t *ret)
{
	uint64_t v;

	if (!wd_span_number(s, 10, UINT16_MAX, &v) || !v)
		return false;
	*ret = (uint16_t)v;
	return true;
}

/* "host", "host:port", "[address]:port" */
static bool authority(struct wd_span s, struct wd_span *host, uint16_t *port)
{
	const char *end = s.p + s.n, *colon;
	struct wd_span rest;

	if (s.n && s.p[0] == '[') {
		const char *close = memchr(s.p, ']', s.n);

		if (!close)
			return false;
		*host = wd_span(s.p + 1, (size_t)(close - s.p - 1));
		if (close + 1 == end)
			return true;
		rest = wd_span(close + 2, (size_t)(end - close - 2));
		return close[1] == ':' && port_parse(&rest, port);
	}
	colon = s.n ? memchr(s.p, ':', s.n) : NULL;
	*host = wd_span(s.p, (size_t)((colon ? colon : end) - s.p));
	if (!colon)
		return true;
	rest = wd_span(colon + 1, (size_t)(end - colon - 1));
	return port_parse(&rest, port);
}

int wd_apiserver_url(const char *text, size_t n, char host[WD_APISERVER_NAME_LEN], uint16_t *port)
{
	struct wd_span s = wd_span(text, n), name;
	char found[WD_APISERVER_NAME_LEN];
	uint16_t number = 443;
	const char *at;

	if (wd_span_begins(&s, "https://")) {
		s = wd_span(s.p + 8, s.n - 8);
	} else if (wd_span_begins(&s, "http://")) {
		s = wd_span(s.p + 7, s.n - 7);
		number = 80;
	}
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] == '/' || s.p[i] == '?' || s.p[i] == '#')
			s.n = i;
	at = s.n ? memrchr(s.p, '@', s.n) : NULL;
	if (at)
		s = wd_span(at + 1, (size_t)(s.p + s.n - at - 1));
	if (!authority(s, &name, &number) || !lower_copy(&name, found) || !is_host(found))
		return -EINVAL;
	memcpy(host, found, sizeof(found));
	*port = number;
	return 0;
}

/* ---- the list ------------------------------------------------------------------------------- */

static bool add(struct wd_apiservers *l, const char *name, const struct wd_addr *ip, uint16_t port,
                const char *source)
{
	struct wd_apiserver *a;

	for (unsigned int i = 0; i < l->n; i++) {
		a = &l->v[i];
		if (a->port == port && a->has_ip == !!ip &&
		    (ip ? wd_addr_equal(&a->ip, ip) : !strcmp(a->name, name)))
			return true;
	}
	if (l->n == WD_STORE_API_MAX) {
		l->cut = true;
		return false;
	}
	a = &l->v[l->n++];
	*a = (struct wd_apiserver){.has_ip = ip, .port = port, .source = source};
	snprintf(a->name, sizeof(a->name), "%s", name);
	if (ip)
		a->ip = *ip;
	return true;
}

bool wd_apiservers_add(struct wd_apiservers *l, const char *host, uint16_t port, const char *source)
{
	struct wd_span s = wd_span(host, strlen(host));
	char name[WD_APISERVER_NAME_LEN];
	struct wd_addr ip;

	if (!wd_addr_parse(host, &ip))
		return add(l, "", &ip, port, source);
	return lower_copy(&s, name) && is_host(name) && add(l, name, NULL, port, source);
}

void wd_apiservers_resolved(struct wd_apiservers *l, const char *name, const struct wd_addr *ip,
                            const char *source)
{
	unsigned int n = l->n;

	for (unsigned int i = 0; i < n; i++)
		if (!l->v[i].has_ip && !strcasecmp(l->v[i].name, name))
			add(l, l->v[i].name, ip, l->v[i].port, source);
}

/* The value of a line `server: URL`, of block style ("- cluster:\n    server: x"), of flow style
 * or JSON ("{\"server\": \"x\"}"); false: it is another line. */
static bool server_value(struct wd_span line, struct wd_span *ret)
{
	static const char key[] = "server";
	const char *end = line.p + line.n, *p = line.p, *start;

	for (;; p++) {
		p = memmem(p, (size_t)(end - p), key, sizeof(key) - 1);
		if (!p)
			return false;
		/* a whole key, not the end of "tls-server" or the start of "server-name" */
		if (p > line.p && !strchr(" \t\"'{,", p[-1]))
			continue;
		start = p + sizeof(key) - 1;
		if (start < end && (*start == '"' || *start == '\''))
			start++;
		if (start < end && *start == ':')
			break;
	}
	/* a comment */
	if (memchr(line.p, '#', (size_t)(p - line.p)))
		return false;
	for (start++; start < end && strchr(" \t\"'", *start); start++)
		;
	for (p = start; p < end && !strchr(" \t\"',}\r", *p); p++)
		;
	*ret = wd_span(start, (size_t)(p - start));
	return true;
}

unsigned int wd_apiservers_kubeconfig(struct wd_apiservers *l, const char *text, size_t n,
                                      const char *source)
{
	struct wd_span rest = wd_span(text, n), line, value;
	char host[WD_APISERVER_NAME_LEN];
	unsigned int found = 0;
	uint16_t port;

	while (rest.n) {
		/* here a last line without newline is a whole one */
		if (!wd_span_line(&rest, &line)) {
			line = rest;
			rest.n = 0;
		}
		if (memchr(line.p, '\0', line.n) || !server_value(line, &value) ||
		    wd_apiserver_url(value.p, value.n, host, &port))
			continue;
		found += wd_apiservers_add(l, host, port, source);
	}
	return found;
}

void wd_apiservers_hosts(struct wd_apiservers *l, const char *text, size_t n)
{
	struct wd_span rest = wd_span(text, n), line, word;
	char name[WD_APISERVER_NAME_LEN], ip_text[WD_ADDR_STRLEN];
	struct wd_addr ip;

	while (rest.n) {
		const char *hash;

		if (!wd_span_line(&rest, &line)) {
			line = rest;
			rest.n = 0;
		}
		hash = line.n ? memchr(line.p, '#', line.n) : NULL;
		if (hash)
			line.n = (size_t)(hash - line.p);
		if (!wd_span_word(&line, &word) || !wd_span_copy(&word, ip_text, sizeof(ip_text)) ||
		    wd_addr_parse(ip_text, &ip))
			continue;
		while (wd_span_word(&line, &word))
			if (wd_span_copy(&word, name, sizeof(name)))
				wd_apiservers_resolved(l, name, &ip, source_hosts);
	}
}

struct endpoints {
	struct wd_apiservers *l;
	const char *source;
};

static bool endpoint_add(const struct wd_endpoint_match *m, void *ctx)
{
	const struct endpoints *e = ctx;

	return add(e->l, "", &m->endpoint->ip, m->port->port, e->source);
}

bool wd_apiservers_service(struct wd_apiservers *l, const struct wd_store *s, const char *source)
{
	const struct wd_object *o = wd_store_get(s, WD_RESOURCE_SERVICE, "default", "kubernetes");
	struct endpoints e = {l, source};

	if (!o)
		return false;
	for (unsigned int i = 0; i < o->service.n_cluster_ips; i++)
		for (unsigned int p = 0; p < o->service.n_ports; p++)
			add(l, "", &o->service.cluster_ips[i], o->service.ports[p].port, source);
	wd_store_backends(s, &o->service, NULL, endpoint_add, &e);
	return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool file_read(const char *host_root, const char *below, struct wd_buf *b)
{
	char path[4096];

	b->cap = WD_APISERVER_FILE_MAX;
	return (size_t)snprintf(path, sizeof(path), "%s%s", host_root, below) < sizeof(path) &&
	       wd_procfs_read(AT_FDCWD, path, b) >= 0 && b->len;
}

void wd_apiservers_read(struct wd_apiservers *l, const char *host_root)
{
	static const char *const configs[] = {
		"/var/lib/kubelet/kubeconfig",
		"/etc/kubernetes/kubelet.conf",
		"/etc/kubernetes/bootstrap-kubelet.conf",
	};
	const char *host = getenv("KUBERNETES_SERVICE_HOST"),
		   *port = getenv("KUBERNETES_SERVICE_PORT");
	struct wd_span number = wd_span(port ? port : "", port ? strlen(port) : 0);
	struct wd_buf b;
	uint16_t p = 443;

	if (host && host[0] && (!port || port_parse(&number, &p)))
		wd_apiservers_add(l, host, p, source_env);
	wd_buf_init(&b, WD_APISERVER_FILE_MAX);
	for (unsigned int i = 0; i < sizeof(configs) / sizeof(configs[0]); i++)
		if (file_read(host_root, configs[i], &b))
			wd_apiservers_kubeconfig(l, b.data, b.len, configs[i]);
	if (file_read(host_root, source_hosts, &b))
		wd_apiservers_hosts(l, b.data, b.len);
	wd_buf_release(&b);
}

int wd_apiservers_put(const struct wd_apiservers *l, struct wd_store *s)
{
	struct wd_api_server v[WD_STORE_API_MAX];
	unsigned int n = 0;

	for (unsigned int i = 0; i < l->n; i++)
		if (l->v[i].has_ip)
			v[n++] = (struct wd_api_server){.ip = l->v[i].ip,
			                                .port = l->v[i].port,
			                                .name = l->v[i].name,
			                                .source = l->v[i].source};
	return wd_store_set_api_servers(s, v, n);
}
