/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "kube/file.h"

#define ACCOUNT "/var/run/secrets/kubernetes.io/serviceaccount"

static void blob_release(struct wd_kube_blob *b)
{
	if (b->bytes)
		explicit_bzero(b->bytes, b->n); /* may be a key */
	free(b->bytes);
	free(b->path);
}

static void exec_free(struct wd_kube_exec *e)
{
	if (!e)
		return;
	for (unsigned int i = 0; i < WD_KUBE_EXEC_MAX; i++) {
		free(e->args[i]);
		free(e->variables[i]);
	}
	free(e->command);
	free(e->api_version);
	free(e);
}

void wd_kube_config_free(struct wd_kube_config *c)
{
	if (!c)
		return;
	if (c->token)
		explicit_bzero(c->token, strlen(c->token));
	blob_release(&c->ca);
	blob_release(&c->cert);
	blob_release(&c->key);
	exec_free(c->exec);
	free(c->origin);
	free(c->root);
	free(c->host);
	free(c->prefix);
	free(c->server_name);
	free(c->token);
	free(c->token_path);
	free(c->proxy_host);
	wd_kube_config_free(c->detour); /* has none itself */
	free(c);
}

static void cleanup_config(struct wd_kube_config **c)
{
	wd_kube_config_free(*c);
}
#define AUTO_CONFIG wd_cleanup(cleanup_config)

/* ---- addresses of servers ------------------------------------------------------------------ */

/* What a Host header and a DNS question may hold. */
static bool host_is_sane(const char *host, size_t n)
{
	if (n == 0 || n > 253)
		return false;
	for (size_t i = 0; i < n; i++) {
		char c = host[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '.' && c != '_')
			return false;
	}
	return true;
}

static const char *path_problem(const char *path)
{
	for (; *path; path++)
		if ((unsigned char)*path <= ' ' || (unsigned char)*path >= 0x7f)
			return "a path with blanks or characters that must be escaped";
		else if (*path == '?' || *path == '#')
			return "a query or a fragment";
	return NULL;
}

static const char *port_parse(const char *text, size_t n, uint16_t *ret)
{
	unsigned int v = 0;

	if (n == 0 || n > 5)
		return "a port that is no number from 1 to 65535";
	for (size_t i = 0; i < n; i++) {
		if (text[i] < '0' || text[i] > '9')
			return "a port that is no number from 1 to 65535";
		v = v * 10 + (unsigned int)(text[i] - '0');
	}
	if (v == 0 || v > 65535)
		return "a port that is no number from 1 to 65535";
	*ret = (uint16_t)v;
	return NULL;
}

/* host[:port] or [v6][:port], n bytes. */
static const char *authority_parse(const char *text, size_t n, char **ret_host, uint16_t *port)
{
	char host[254];
	const char *end = text + n, *colon;
	bool bracket = n && text[0] == '[';
	struct wd_addr a;
	size_t len;

	if (memchr(text, '@', n))
		return "a name and password in the address";
	if (bracket) {
		const char *close = memchr(text, ']', n);

		if (!close || (size_t)(close - text - 1) >= sizeof(host))
			return "an unclosed '['";
		text++;
		len = (size_t)(close - text);
		colon = close + 1;
	} else {
		colon = memchr(text, ':', n);
		colon = colon ? colon : end;
		len = (size_t)(colon - text);
		if (!host_is_sane(text, len))
			return "no host name or address";
	}
	memcpy(host, text, len);
	host[len] = '\0';
	if (bracket && (wd_addr_parse(host, &a) || !strchr(host, ':')))
		return "no IPv6 address within the brackets";
	if (colon < end && *colon != ':')
		return "something behind ']'";
	if (colon < end) {
		const char *why = port_parse(colon + 1, (size_t)(end - colon - 1), port);

		if (why)
			return why;
	}
	*ret_host = strdup(host);
	return *ret_host ? NULL : "no memory";
}

int wd_kube_config_set_server(struct wd_kube_config *c, const char *url, const char **ret_why)
{
	bool tls = strncmp(url, "https://", 8) == 0;
	char *host = NULL, *prefix;
	const char *why, *path, *rest;
	uint16_t port;
	size_t n;

	if (!tls && strncmp(url, "http://", 7) != 0) {
		*ret_why = "it must begin with https:// or http://";
		return -EINVAL;
	}
	rest = url + (tls ? 8 : 7);
	port = tls ? 443 : 80;
	n = strcspn(rest, "/?#");
	path = rest + n;
	why = path_problem(path);
	if (!why)
		why = authority_parse(rest, n, &host, &port);
	if (why) {
		*ret_why = why;
		return -EINVAL;
	}
	n = strlen(path);
	while (n && path[n - 1] == '/')
		n--;
	prefix = strndup(path, n);
	if (!prefix) {
		free(host);
		*ret_why = "no memory";
		return -ENOMEM;
	}
	free(c->host);
	free(c->prefix);
	c->host = host;
	c->prefix = prefix;
	c->port = port;
	c->tls = tls;
	return 0;
}

int wd_kube_token_check(char *token, const char **ret_why)
{
	size_t n = strlen(token), from = strspn(token, " \t\r\n");

	while (n > from && strchr(" \t\r\n", token[n - 1]))
		n--;
	memmove(token, token + from, n - from);
	token[n - from] = '\0';
	*ret_why = NULL;
	if (!token[0])
		*ret_why = "it is empty";
	else if (n - from > WD_KUBE_TOKEN_MAX)
		*ret_why = "it is longer than 16 KiB";
	for (const char *c = token; *c && !*ret_why; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			*ret_why = "it holds blanks or control characters";
	return *ret_why ? -EINVAL : 0;
}

/* ---- sources ------------------------------------------------------------------------------ */

static int from_file(const char *path, const char *root, const char *context,
                     struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN])
{
	WD_AUTO_FREE char *text = NULL;
	size_t n;
	int r = wd_kube_file_read(root, path, WD_KUBE_FILE_MAX, &text, &n);

	if (r == -EFBIG)
		snprintf(err, WD_KUBE_ERRLEN, "kubeconfig %s: larger than 1 MiB", path);
	else if (r == -EINVAL)
		snprintf(err, WD_KUBE_ERRLEN, "kubeconfig %s: not a file", path);
	else if (r)
		snprintf(err, WD_KUBE_ERRLEN, "kubeconfig %s: %s", path, strerror(-r));
	if (r)
		return r;
	r = wd_kube_config_parse(path, root, context, text, n, ret, err);
	explicit_bzero(text, n);
	return r;
}

static int from_kubelet(const char *root, struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN]);

/* Its failure is none: there may be no kubelet that we can read of. */
static struct wd_kube_config *detour_of(const struct wd_kube_config *c, const char *root)
{
	AUTO_CONFIG struct wd_kube_config *kubelet = NULL;
	AUTO_CONFIG struct wd_kube_config *d = NULL;
	char err[WD_KUBE_ERRLEN];

	if (from_kubelet(root, &kubelet, err) || !kubelet->tls ||
	    (strcmp(kubelet->host, c->host) == 0 && kubelet->port == c->port))
		return NULL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return NULL;
	d->tls = true;
	d->port = kubelet->port;
	d->proxy_port = kubelet->proxy_port;
	d->host = wd_take_ptr(kubelet->host);
	d->prefix = wd_take_ptr(kubelet->prefix);
	d->server_name = wd_take_ptr(kubelet->server_name);
	d->proxy_host = wd_take_ptr(kubelet->proxy_host);
	d->origin = strdup("service account of this pod, at the kubelet's address");
	d->ca.path = strdup(c->ca.path);
	d->token_path = strdup(c->token_path);
	return d->origin && d->ca.path && d->token_path ? wd_take_ptr(d) : NULL;
}

/* client-go: rest.InClusterConfig() */
static int from_account(const char *dir, const char *host, const char *port, const char *root,
                        struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN])
{
	AUTO_CONFIG struct wd_kube_config *c = calloc(1, sizeof(*c));
	WD_AUTO_FREE char *url = NULL;
	const char *why;
	int r;

	if (!c || asprintf(&url, strchr(host, ':') ? "https://[%s]:%s" : "https://%s:%s", host,
	                   port) < 0) {
		url = NULL;
		return -ENOMEM;
	}
	r = wd_kube_config_set_server(c, url, &why);
	if (r) {
		snprintf(err, WD_KUBE_ERRLEN,
		         "KUBERNETES_SERVICE_HOST=%.100s KUBERNETES_SERVICE_PORT=%.20s: %s", host,
		         port, why);
		return r == -ENOMEM ? r : -EPROTO;
	}
	if (asprintf(&c->origin, "service account of this pod") < 0)
		c->origin = NULL;
	if (asprintf(&c->token_path, "%s/token", dir) < 0)
		c->token_path = NULL;
	if (asprintf(&c->ca.path, "%s/ca.crt", dir) < 0)
		c->ca.path = NULL;
	if (!c->origin || !c->token_path || !c->ca.path)
		return -ENOMEM;
	c->detour = detour_of(c, root);
	*ret = wd_take_ptr(c);
	return 0;
}

static int from_environment(const char *list, const char *context, struct wd_kube_config **ret,
                            char err[WD_KUBE_ERRLEN])
{
	while (*list) {
		size_t n = strcspn(list, ":");
		WD_AUTO_FREE char *path = strndup(list, n);

		if (!path)
			return -ENOMEM;
		if (n && access(path, F_OK) == 0)
			return from_file(path, NULL, context, ret, err);
		list += n + (list[n] == ':');
	}
	return -ENOENT;
}

static int from_home(const char *home, const char *context, struct wd_kube_config **ret,
                     char err[WD_KUBE_ERRLEN])
{
	WD_AUTO_FREE char *path = NULL;

	if (asprintf(&path, "%s/.kube/config", home) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	return access(path, F_OK) ? -ENOENT : from_file(path, NULL, context, ret, err);
}

/* AKS: the first; kubeadm: the second; MicroK8s and others: the third. */
static int from_kubelet(const char *root, struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN])
{
	static const char *const paths[] = {
		"/var/lib/kubelet/kubeconfig",
		"/etc/kubernetes/kubelet.conf",
		"/var/lib/kubelet/kubeconfig.conf",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (wd_kube_file_stamp(root, paths[i]))
			return from_file(paths[i], root, NULL, ret, err);
	return -ENOENT;
}

static int from_any(const struct wd_kube_sources *from, struct wd_kube_config **ret,
                    char err[WD_KUBE_ERRLEN])
{
	const char *host = getenv("KUBERNETES_SERVICE_HOST");
	const char *port = getenv("KUBERNETES_SERVICE_PORT");
	const char *account = from->account ? from->account : ACCOUNT;
	const char *list = getenv("KUBECONFIG"), *home = getenv("HOME");
	WD_AUTO_FREE char *token = NULL;
	int r = -ENOENT;

	if (asprintf(&token, "%s/token", account) < 0) {
		token = NULL;
		return -ENOMEM;
	}
	if (from->file)
		return from_file(from->file, NULL, from->context, ret, err);
	if (host && port && host[0] && port[0] && access(token, F_OK) == 0)
		return from_account(account, host, port, from->host_root, ret, err);
	if (list && list[0])
		r = from_environment(list, from->context, ret, err);
	if (r == -ENOENT && home && home[0])
		r = from_home(home, from->context, ret, err);
	if (r == -ENOENT)
		r = from_kubelet(from->host_root, ret, err);
	return r;
}

int wd_kube_config_new(const struct wd_kube_sources *from, struct wd_kube_config **ret,
                       char err[WD_KUBE_ERRLEN])
{
	int r;

	err[0] = '\0';
	r = from_any(from, ret, err);
	if (r && !err[0] && r != -ENOENT)
		snprintf(err, WD_KUBE_ERRLEN, "%s", strerror(-r));
	else if (r && !err[0])
		snprintf(err, WD_KUBE_ERRLEN,
		         "no way to the API server is configured: no --kubeconfig, no service "
		         "account, no file of $KUBECONFIG, no ~/.kube/config and no kubeconfig of "
		         "the kubelet below %s",
		         from->host_root ? from->host_root : "/");
	return r;
}
