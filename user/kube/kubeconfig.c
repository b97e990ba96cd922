/* SPDX-License-Identifier: Apache-2.0 */
/* The fields of a kubeconfig: k8s.io/client-go/tools/clientcmd/api/v1/types.go */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "kube/config.h"
#include "kube/file.h"
#include "kube/yaml.h"

struct reader {
	const char *path;
	struct wd_kube_config *c;
	char place[160]; /* "clusters[0].cluster" */
	char *err;
};

/* y: where, or NULL; field below the present place, or "". */
__attribute__((format(printf, 4, 5))) static int fail(struct reader *r, const struct wd_yaml *y,
                                                      const char *field, const char *fmt, ...)
{
	char why[180];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	snprintf(r->err, WD_KUBE_ERRLEN, "kubeconfig %.100s, line %u: %s%s%s: %s", r->path,
	         y ? y->line : 1, r->place, r->place[0] && field[0] ? "." : "", field, why);
	return -EPROTO;
}

static int map_of(struct reader *r, const struct wd_yaml *y, const char *field,
                  const struct wd_yaml **ret)
{
	*ret = wd_yaml_get(y, field);
	if (*ret && (*ret)->kind != WD_YAML_MAP)
		return fail(r, *ret, field, "must be a map");
	return 0;
}

/* NULL when it is absent. */
static int text_of(struct reader *r, const struct wd_yaml *y, const char *field, const char **ret)
{
	const struct wd_yaml *v = wd_yaml_get(y, field);

	*ret = NULL;
	if (v && v->kind != WD_YAML_SCALAR)
		return fail(r, v, field, "must be a text");
	if (v && v->text[0])
		*ret = v->text;
	return 0;
}

static int copy_of(struct reader *r, const struct wd_yaml *y, const char *field, char **ret)
{
	const char *text;
	int err = text_of(r, y, field, &text);

	if (err || !text)
		return err;
	*ret = strdup(text);
	return *ret ? 0 : -ENOMEM;
}

static int bool_of(struct reader *r, const struct wd_yaml *y, const char *field, bool *ret)
{
	const struct wd_yaml *v = wd_yaml_get(y, field);

	if (!v)
		return 0;
	if (v->kind != WD_YAML_SCALAR || v->quoted ||
	    (strcmp(v->text, "true") != 0 && strcmp(v->text, "false") != 0))
		return fail(r, v, field, "must be true or false");
	*ret = v->text[0] == 't';
	return 0;
}

/* FIELD-data wins over FIELD, as in client-go. */
static int blob_of(struct reader *r, const struct wd_yaml *y, const char *field,
                   struct wd_kube_blob *ret)
{
	const char *data, *path;
	char name[64];
	int err;

	snprintf(name, sizeof(name), "%s-data", field);
	err = text_of(r, y, name, &data);
	if (!err)
		err = text_of(r, y, field, &path);
	if (err)
		return err;
	if (data) {
		err = wd_kube_base64_decode(data, &ret->bytes, &ret->n);
		return err == -EINVAL ? fail(r, wd_yaml_get(y, name), name, "is not base64") : err;
	}
	if (path) {
		ret->path = wd_kube_file_beside(r->path, path);
		return ret->path ? 0 : -ENOMEM;
	}
	return 0;
}

/* Fields that would change who asks, or how, and that are not served: silence would be wrong. */
static int refuse(struct reader *r, const struct wd_yaml *y, const char *field, const char *why)
{
	const struct wd_yaml *v = wd_yaml_get(y, field);

	if (!v || (v->kind == WD_YAML_SCALAR && !v->text[0]) ||
	    (v->kind != WD_YAML_SCALAR && !v->first))
		return 0;
	return fail(r, v, field, "%s", why);
}

static int read_proxy(struct reader *r, const struct wd_yaml *y)
{
	const struct wd_yaml *v = wd_yaml_get(y, "proxy-url");
	struct wd_kube_config proxy = {0};
	const char *url, *why;
	int err = text_of(r, y, "proxy-url", &url);

	if (err || !url)
		return err;
	if (strncmp(url, "https://", 8) == 0 || strncmp(url, "socks5://", 9) == 0)
		return fail(r, v, "proxy-url", "whydrop speaks to http:// proxies only");
	err = wd_kube_config_set_server(&proxy, url, &why);
	if (err)
		return err == -ENOMEM ? err : fail(r, v, "proxy-url", "%s", why);
	free(proxy.prefix);
	r->c->proxy_host = proxy.host;
	r->c->proxy_port = proxy.port;
	return 0;
}

static int read_cluster(struct reader *r, const struct wd_yaml *y)
{
	const char *url, *why;
	int err = text_of(r, y, "server", &url);

	if (err)
		return err;
	if (!url)
		return fail(r, y, "server", "is missing");
	err = wd_kube_config_set_server(r->c, url, &why);
	if (err)
		return err == -ENOMEM ? err
		                      : fail(r, wd_yaml_get(y, "server"), "server", "%s", why);
	if ((err = blob_of(r, y, "certificate-authority", &r->c->ca)) ||
	    (err = copy_of(r, y, "tls-server-name", &r->c->server_name)) ||
	    (err = bool_of(r, y, "insecure-skip-tls-verify", &r->c->insecure)) ||
	    (err = read_proxy(r, y)))
		return err;
	if (r->c->insecure && (r->c->ca.bytes || r->c->ca.path))
		return fail(r, wd_yaml_get(y, "insecure-skip-tls-verify"),
		            "insecure-skip-tls-verify",
		            "contradicts certificate-authority: one of them must go");
	return 0;
}

static int read_args(struct reader *r, const struct wd_yaml *y, struct wd_kube_exec *x)
{
	const struct wd_yaml *list = wd_yaml_get(y, "args");
	unsigned int n = 0;

	if (list && list->kind != WD_YAML_LIST)
		return fail(r, list, "args", "must be a list");
	for (const struct wd_yaml *a = list ? list->first : NULL; a; a = a->next) {
		if (a->kind != WD_YAML_SCALAR)
			return fail(r, a, "args", "must be a list of texts");
		if (n == WD_KUBE_EXEC_MAX)
			return fail(r, a, "args", "more than %d", WD_KUBE_EXEC_MAX);
		x->args[n] = strdup(a->text);
		if (!x->args[n++])
			return -ENOMEM;
	}
	return 0;
}

static int read_variables(struct reader *r, const struct wd_yaml *y, struct wd_kube_exec *x)
{
	const struct wd_yaml *list = wd_yaml_get(y, "env");
	unsigned int n = 0;

	if (list && list->kind != WD_YAML_LIST)
		return fail(r, list, "env", "must be a list");
	for (const struct wd_yaml *e = list ? list->first : NULL; e; e = e->next) {
		const struct wd_yaml *name = wd_yaml_get(e, "name");
		const struct wd_yaml *value = wd_yaml_get(e, "value");

		if (!name || name->kind != WD_YAML_SCALAR || !name->text[0] ||
		    strchr(name->text, '=') || (value && value->kind != WD_YAML_SCALAR))
			return fail(r, e, "env", "must be a list of name and value");
		if (n == WD_KUBE_EXEC_MAX)
			return fail(r, e, "env", "more than %d", WD_KUBE_EXEC_MAX);
		if (asprintf(&x->variables[n], "%s=%s", name->text, value ? value->text : "") < 0) {
			x->variables[n] = NULL;
			return -ENOMEM;
		}
		n++;
	}
	return 0;
}

static int read_exec(struct reader *r, const struct wd_yaml *user)
{
	const struct wd_yaml *y;
	struct wd_kube_exec *x;
	const char *command = NULL, *mode = NULL;
	size_t n = strlen(r->place);
	int err = map_of(r, user, "exec", &y);

	if (err || !y)
		return err;
	x = r->c->exec = calloc(1, sizeof(*x));
	if (!x)
		return -ENOMEM;
	snprintf(r->place + n, sizeof(r->place) - n, ".exec");
	if ((err = text_of(r, y, "command", &command)) ||
	    (err = copy_of(r, y, "apiVersion", &x->api_version)) ||
	    (err = text_of(r, y, "interactiveMode", &mode)) ||
	    (err = bool_of(r, y, "provideClusterInfo", &x->cluster_info)) ||
	    (err = read_args(r, y, x)) || (err = read_variables(r, y, x)))
		return err;
	if (!command)
		return fail(r, y, "command", "is missing");
	if (!x->api_version ||
	    (strcmp(x->api_version, "client.authentication.k8s.io/v1") != 0 &&
	     strcmp(x->api_version, "client.authentication.k8s.io/v1beta1") != 0))
		return fail(r, wd_yaml_get(y, "apiVersion") ? wd_yaml_get(y, "apiVersion") : y,
		            "apiVersion", "must be client.authentication.k8s.io/v1 or v1beta1");
	if (mode && strcmp(mode, "Always") == 0)
		return fail(r, wd_yaml_get(y, "interactiveMode"), "interactiveMode",
		            "Always: whydrop cannot let a plugin ask at the terminal");
	if (r->c->root)
		return fail(r, wd_yaml_get(y, "command"), "command",
		            "a program of the host, which cannot be run from here (its / is %.80s)",
		            r->c->root);
	x->command = strchr(command, '/') ? wd_kube_file_beside(r->path, command) : strdup(command);
	return x->command ? 0 : -ENOMEM;
}

static int read_token(struct reader *r, const struct wd_yaml *y)
{
	const char *why, *file;
	int err = copy_of(r, y, "token", &r->c->token);

	if (!err)
		err = text_of(r, y, "tokenFile", &file);
	if (err)
		return err;
	if (file) {
		r->c->token_path = wd_kube_file_beside(r->path, file);
		return r->c->token_path ? 0 : -ENOMEM;
	}
	if (r->c->token && wd_kube_token_check(r->c->token, &why))
		return fail(r, wd_yaml_get(y, "token"), "token", "%s", why);
	return 0;
}

static int read_user(struct reader *r, const struct wd_yaml *y)
{
	static const char *const never[] = {"as", "as-uid", "as-groups", "as-user-extra"};
	struct wd_kube_config *c = r->c;
	int err = 0;

	for (size_t i = 0; i < 4 && !err; i++)
		err = refuse(r, y, never[i], "whydrop cannot impersonate");
	if (err || (err = refuse(r, y, "auth-provider", "removed in Kubernetes 1.26: use exec")) ||
	    (err = refuse(r, y, "username", "basic authentication ended with Kubernetes 1.19")) ||
	    (err = refuse(r, y, "password", "basic authentication ended with Kubernetes 1.19")) ||
	    (err = blob_of(r, y, "client-certificate", &c->cert)) ||
	    (err = blob_of(r, y, "client-key", &c->key)) || (err = read_token(r, y)))
		return err;
	if ((c->cert.bytes || c->cert.path) && !c->key.bytes && !c->key.path)
		return fail(r, y, "client-key", "is missing, and client-certificate is there");
	if ((c->key.bytes || c->key.path) && !c->cert.bytes && !c->cert.path)
		return fail(r, y, "client-certificate", "is missing, and client-key is there");
	return read_exec(r, y);
}

/* The entry of a named list ("clusters") with that name, and its body ("cluster"). */
static int entry_of(struct reader *r, const struct wd_yaml *doc, const char *list,
                    const char *member, const char *name, const struct wd_yaml **ret)
{
	const struct wd_yaml *l = wd_yaml_get(doc, list);
	unsigned int i = 0;

	r->place[0] = '\0';
	if (l && l->kind != WD_YAML_LIST)
		return fail(r, l, list, "must be a list");
	for (const struct wd_yaml *e = l ? l->first : NULL; e; e = e->next, i++) {
		const struct wd_yaml *n = wd_yaml_get(e, "name");

		if (!n || n->kind != WD_YAML_SCALAR || strcmp(n->text, name) != 0)
			continue;
		snprintf(r->place, sizeof(r->place), "%s[%u]", list, i);
		*ret = wd_yaml_get(e, member);
		if (!*ret || (*ret)->kind != WD_YAML_MAP)
			return fail(r, *ret ? *ret : e, member,
			            *ret ? "must be a map" : "is missing");
		snprintf(r->place, sizeof(r->place), "%s[%u].%s", list, i, member);
		return 0;
	}
	return fail(r, l, list, "there is no %s named '%.80s'", member, name);
}

static int read_document(struct reader *r, const struct wd_yaml *doc, const char *context)
{
	const struct wd_yaml *y = NULL;
	const char *cluster = NULL, *user = NULL;
	int err = 0;

	if (doc->kind != WD_YAML_MAP)
		return fail(r, doc, "", "the file holds no map");
	if (!context)
		err = text_of(r, doc, "current-context", &context);
	if (err)
		return err;
	if (!context)
		return fail(r, doc, "current-context", "is missing");
	err = entry_of(r, doc, "contexts", "context", context, &y);
	if (!err)
		err = text_of(r, y, "cluster", &cluster);
	if (!err)
		err = text_of(r, y, "user", &user);
	if (!err && !cluster)
		err = fail(r, y, "cluster", "is missing");
	if (!err)
		err = entry_of(r, doc, "clusters", "cluster", cluster, &y);
	if (!err)
		err = read_cluster(r, y);
	if (!err && user)
		err = entry_of(r, doc, "users", "user", user, &y);
	if (!err && user)
		err = read_user(r, y);
	if (!err && asprintf(&r->c->origin, "kubeconfig %s, context %s", r->path, context) < 0) {
		r->c->origin = NULL;
		err = -ENOMEM;
	}
	return err;
}

int wd_kube_config_parse(const char *path, const char *root, const char *context, const char *text,
                         size_t n, struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN])
{
	char yaml_err[WD_YAML_ERRLEN] = "";
	struct wd_yaml *doc = NULL;
	struct reader r = {.path = path, .err = err};
	int e;

	err[0] = '\0';
	r.c = calloc(1, sizeof(*r.c));
	if (!r.c)
		return -ENOMEM;
	if (root && root[0] && strcmp(root, "/") != 0) {
		r.c->root = strdup(root);
		if (!r.c->root) {
			wd_kube_config_free(r.c);
			return -ENOMEM;
		}
	}
	e = wd_yaml_parse(text, n, &doc, yaml_err);
	if (e == -EPROTO)
		snprintf(err, WD_KUBE_ERRLEN, "kubeconfig %.100s, %s", path, yaml_err);
	if (!e)
		e = read_document(&r, doc, context);
	wd_yaml_free(doc);
	if (e)
		wd_kube_config_free(r.c);
	else
		*ret = r.c;
	return e;
}
