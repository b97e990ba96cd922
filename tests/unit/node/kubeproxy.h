/* SPDX-License-Identifier: Apache-2.0 */
/* What a struct wd_kubeproxy knows, as lines of text; fixtures that are read in pieces. */
#ifndef WD_TEST_NODE_KUBEPROXY_H
#define WD_TEST_NODE_KUBEPROXY_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "node/elements.h"
#include "node/kubeproxy.h"

static inline void show_addrs(struct wd_buf *b, const char *what, const struct wd_addr *v,
                              unsigned int n)
{
	char text[WD_ADDR_STRLEN];

	for (unsigned int i = 0; i < n; i++)
		wd_buf_printf(b, " %s=%s", what, wd_addr_format(&v[i], text));
}

static inline void show_service(struct wd_buf *b, const struct wd_service *s)
{
	static const char *const types[] = {"ClusterIP", "NodePort", "LoadBalancer"};
	char text[WD_PREFIX_STRLEN];

	wd_buf_printf(b, "%s/%s %s", s->ns, s->name, types[s->type]);
	show_addrs(b, "ip", s->cluster_ips, s->n_cluster_ips);
	show_addrs(b, "ext", s->external_ips, s->n_external_ips);
	show_addrs(b, "lb", s->lb_ips, s->n_lb_ips);
	for (unsigned int i = 0; i < s->n_lb_sources; i++)
		wd_buf_printf(b, " from=%s", wd_prefix_format(&s->lb_sources[i], text));
	for (unsigned int i = 0; i < s->n_ports; i++) {
		const struct wd_service_port *p = &s->ports[i];

		wd_buf_printf(b, " %s:%u/%u", p->name, p->port, p->proto);
		if (p->target_port)
			wd_buf_printf(b, "->%u", p->target_port);
		if (p->node_port)
			wd_buf_printf(b, "@%u", p->node_port);
	}
	wd_buf_printf(b, "%s%s%s\n", s->internal_local ? " internal-local" : "",
	              s->external_local ? " external-local" : "", s->affinity ? " affinity" : "");
}

static inline void show_slice(struct wd_buf *b, const struct wd_slice *s)
{
	char text[WD_ADDR_STRLEN];

	wd_buf_printf(b, "  %s", s->name);
	for (unsigned int i = 0; i < s->n_ports; i++)
		wd_buf_printf(b, " %s:%u/%u", s->ports[i].name, s->ports[i].port,
		              s->ports[i].proto);
	for (unsigned int i = 0; i < s->n_endpoints; i++) {
		assert_true(s->endpoints[i].ready && s->endpoints[i].serving);
		wd_buf_printf(b, " %s", wd_addr_format(&s->endpoints[i].ip, text));
	}
	wd_buf_putc(b, '\n');
}

static inline int show_object(const struct wd_object *o, void *ctx)
{
	if (o->kind == WD_RESOURCE_SERVICE)
		show_service(ctx, &o->service);
	else
		show_slice(ctx, &o->slice);
	return 0;
}

static inline int line_compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* One line a Service, its slices appended; sorted. The caller frees. */
static inline char *show(struct wd_kubeproxy *k)
{
	struct wd_buf b, sorted;
	char *lines[4096], *at;
	size_t n = 0;

	wd_buf_init(&b, 16u << 20);
	wd_buf_init(&sorted, 16u << 20);
	assert_int_equal(wd_kubeproxy_each(k, show_object, &b), 0);
	wd_buf_putc(&b, '\0');
	assert_int_equal(b.err, 0);
	for (at = b.data; (at = strstr(at, "\n  ")); at += 2)
		*at = '|';
	for (at = strtok(b.data, "\n"); at && n < 4096; at = strtok(NULL, "\n"))
		lines[n++] = at;
	if (n)
		qsort(lines, n, sizeof(lines[0]), line_compare);
	for (size_t i = 0; i < n; i++)
		wd_buf_printf(&sorted, "%s\n", lines[i]);
	wd_buf_putc(&sorted, '\0');
	wd_buf_release(&b);
	return sorted.data;
}

static inline void check_objects(struct wd_kubeproxy *k, const char *want)
{
	char *got = show(k);

	assert_string_equal(got, want);
	free(got);
}

/* NULL: there is no such file. */
static inline char *file_read(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "re");
	char *text;
	long n;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	n = ftell(f);
	rewind(f);
	text = malloc((size_t)n + 1);
	if (!text || fread(text, 1, (size_t)n, f) != (size_t)n)
		abort();
	text[n] = '\0';
	fclose(f);
	*ret_n = (size_t)n;
	return text;
}

static inline int save_read(struct wd_kubeproxy *k, enum wd_kubeproxy_source source,
                            const char *text, size_t n, size_t piece)
{
	wd_kubeproxy_iptables_begin(k, source);
	for (size_t at = 0; at < n; at += piece)
		assert_int_equal(
			wd_kubeproxy_iptables(k, text + at, n - at < piece ? n - at : piece), 0);
	return wd_kubeproxy_iptables_end(k);
}

static inline int nft_each(const char *json, size_t n, void *ctx)
{
	return wd_kubeproxy_nft_element(ctx, json, n);
}

static inline int nft_read(struct wd_kubeproxy *k, const char *text, size_t n, size_t piece)
{
	struct wd_elements e;
	int r = 0;

	wd_elements_init(&e, nft_each, k);
	for (size_t at = 0; at < n && !r; at += piece)
		r = wd_elements_feed(&e, text + at, n - at < piece ? n - at : piece);
	if (!r)
		r = wd_elements_end(&e);
	wd_elements_release(&e);
	return r;
}

#endif
