/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/exec.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/addr.h"
#include "base/buf.h"
#include "base/cleanup.h"
#include "kube/file.h"

#define STDERR_MAX 4096

extern char **environ;

struct wd_exec {
	const struct wd_kube_config *config;
	wd_exec_done *done;
	void *ctx;
	pid_t pid; /* 0: reaped */
	int pidfd, out, err;
	struct event *on_exit, *on_out, *on_err, *on_time;
	struct wd_buf text, words; /* stdout, stderr */
	bool exited;
	int status;
};

/* ---- environment ---------------------------------------------------------------------------- */

static json_t *cluster_info(const struct wd_kube_config *c)
{
	char url[600];
	bool v6 = strchr(c->host, ':');
	json_t *o = json_object();

	snprintf(url, sizeof(url), "%s://%s%s%s:%u%.200s", c->tls ? "https" : "http", v6 ? "[" : "",
	         c->host, v6 ? "]" : "", c->port, c->prefix);
	json_object_set_new(o, "server", json_string(url));
	if (c->server_name)
		json_object_set_new(o, "tls-server-name", json_string(c->server_name));
	if (c->insecure)
		json_object_set_new(o, "insecure-skip-tls-verify", json_true());
	return o;
}

/* KUBERNETES_EXEC_INFO; certificate-authority-data is left out: plugins of the clouds sign in
 * elsewhere. */
static char *exec_info(const struct wd_kube_config *c)
{
	json_t *spec = json_pack("{s:b}", "interactive", 0), *root;
	char *text, *variable = NULL;

	if (c->exec->cluster_info)
		json_object_set_new(spec, "cluster", cluster_info(c));
	root = json_pack("{s:s, s:s, s:o}", "apiVersion", c->exec->api_version, "kind",
	                 "ExecCredential", "spec", spec);
	text = root ? json_dumps(root, JSON_COMPACT) : NULL;
	json_decref(root);
	if (text && asprintf(&variable, "KUBERNETES_EXEC_INFO=%s", text) < 0)
		variable = NULL;
	free(text);
	return variable;
}

static bool same_name(const char *a, const char *b)
{
	size_t n = strcspn(a, "=");

	return strncmp(a, b, n) == 0 && b[n] == '=';
}

/* Ours, without what the plugin's own replace. Pointers are borrowed but for the array. */
static char **environment(const struct wd_kube_config *c, char *info)
{
	size_t n = 0, at = 0;
	char **v;

	while (environ[n])
		n++;
	v = calloc(n + WD_KUBE_EXEC_MAX + 2, sizeof(*v));
	if (!v)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		bool replaced = same_name(info, environ[i]);

		for (size_t j = 0; c->exec->variables[j]; j++)
			replaced |= same_name(c->exec->variables[j], environ[i]);
		if (!replaced)
			v[at++] = environ[i];
	}
	for (size_t j = 0; c->exec->variables[j]; j++)
		v[at++] = c->exec->variables[j];
	v[at] = info;
	return v;
}

/* ---- the answer ----------------------------------------------------------------------------- */

void wd_exec_credential_release(struct wd_exec_credential *c)
{
	char *secrets[] = {c->token, c->key};

	for (size_t i = 0; i < 2; i++)
		if (secrets[i])
			explicit_bzero(secrets[i], strlen(secrets[i]));
	free(c->token);
	free(c->cert);
	free(c->key);
	*c = (struct wd_exec_credential){0};
}

__attribute__((format(printf, 2, 3))) static int bad(char err[WD_KUBE_ERRLEN], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err, WD_KUBE_ERRLEN, fmt, ap);
	va_end(ap);
	return -EPROTO;
}

static int status_text(json_t *status, const char *field, char **ret, char err[WD_KUBE_ERRLEN])
{
	json_t *v = json_object_get(status, field);

	if (!v || json_is_null(v))
		return 0;
	if (!json_is_string(v))
		return bad(err, "status.%s: not a text", field);
	if (json_string_length(v) == 0)
		return 0;
	if (json_string_length(v) > WD_EXEC_OUTPUT_MAX ||
	    strlen(json_string_value(v)) != json_string_length(v))
		return bad(err, "status.%s: holds a NUL byte", field);
	*ret = strdup(json_string_value(v));
	return *ret ? 0 : -ENOMEM;
}

/* RFC 3339, with or without fractions and with any offset. */
static int time_parse(const char *text, int64_t *ret)
{
	struct tm tm = {0};
	const char *at = strptime(text, "%Y-%m-%dT%H:%M:%S", &tm);
	int hours, minutes;
	int64_t t;

	if (!at || tm.tm_year < 70)
		return -EINVAL;
	if (*at == '.')
		at += 1 + strspn(at + 1, "0123456789");
	t = timegm(&tm);
	if (strcmp(at, "Z") != 0) {
		if ((*at != '+' && *at != '-') || strlen(at) != 6 ||
		    sscanf(at + 1, "%2d:%2d", &hours, &minutes) != 2)
			return -EINVAL;
		t -= (*at == '+' ? 1 : -1) * (hours * 3600 + minutes * 60);
	}
	*ret = t > 0 ? t : 1;
	return 0;
}

static int credential_of(json_t *root, const char *api_version, struct wd_exec_credential *ret,
                         char err[WD_KUBE_ERRLEN])
{
	const char *kind = json_string_value(json_object_get(root, "kind"));
	const char *version = json_string_value(json_object_get(root, "apiVersion"));
	json_t *status = json_object_get(root, "status"), *expires;
	const char *why;
	int e;

	if (!kind || strcmp(kind, "ExecCredential") != 0)
		return bad(err, "kind: not ExecCredential");
	if (!version || strcmp(version, api_version) != 0)
		return bad(err, "apiVersion: '%.80s' instead of '%s'", version ? version : "",
		           api_version);
	if (!json_is_object(status))
		return bad(err, "status: is missing");
	if ((e = status_text(status, "token", &ret->token, err)) ||
	    (e = status_text(status, "clientCertificateData", &ret->cert, err)) ||
	    (e = status_text(status, "clientKeyData", &ret->key, err)))
		return e;
	if (ret->token && wd_kube_token_check(ret->token, &why))
		return bad(err, "status.token: %s", why);
	if (!ret->cert != !ret->key)
		return bad(err, "status: a client certificate without its key, or the reverse");
	if (!ret->token && !ret->cert)
		return bad(err, "status: neither a token nor a client certificate");
	expires = json_object_get(status, "expirationTimestamp");
	if (expires && !json_is_null(expires) &&
	    (!json_is_string(expires) || time_parse(json_string_value(expires), &ret->expires)))
		return bad(err, "status.expirationTimestamp: not a time");
	return 0;
}

int wd_exec_credential_parse(const char *json, size_t n, const char *api_version,
                             struct wd_exec_credential *ret, char err[WD_KUBE_ERRLEN])
{
	struct wd_exec_credential c = {0};
	json_error_t where;
	json_t *root = json_loadb(json, n, JSON_REJECT_DUPLICATES, &where);
	int e;

	if (!root)
		return bad(err, "line %d of its output: %s", where.line, where.text);
	e = credential_of(root, api_version, &c, err);
	json_decref(root);
	if (e)
		wd_exec_credential_release(&c);
	else
		*ret = c;
	return e;
}

/* ---- the child ------------------------------------------------------------------------------ */

static void event_drop(struct event **ev)
{
	if (*ev)
		event_free(*ev);
	*ev = NULL;
}

static void fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void wd_exec_free(struct wd_exec *x)
{
	if (!x)
		return;
	event_drop(&x->on_exit);
	event_drop(&x->on_out);
	event_drop(&x->on_err);
	event_drop(&x->on_time);
	if (x->pid) {
		/* its whole group: plugins are often scripts */
		kill(-x->pid, SIGKILL);
		kill(x->pid, SIGKILL);
		while (waitpid(x->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	fd_drop(&x->pidfd);
	fd_drop(&x->out);
	fd_drop(&x->err);
	if (x->text.data)
		explicit_bzero(x->text.data, x->text.alloc);
	wd_buf_release(&x->text);
	wd_buf_release(&x->words);
	free(x);
}

static void finish(struct wd_exec *x, int err, struct wd_exec_credential *c, const char *words)
{
	event_drop(&x->on_exit);
	event_drop(&x->on_out);
	event_drop(&x->on_err);
	event_drop(&x->on_time);
	x->done(err, c, words, x->ctx); /* frees x */
}

/* The first line of what it said. */
static int last_words(const struct wd_exec *x, char ret[160])
{
	size_t n = 0;

	while (n < x->words.len && n < 150 && x->words.data[n] != '\n')
		n++;
	return snprintf(ret, 160, "%s%.*s", n ? ": " : "", (int)n, n ? x->words.data : "");
}

static void judge(struct wd_exec *x)
{
	struct wd_exec_credential c = {0};
	const char *command = x->config->exec->command;
	char why[WD_KUBE_ERRLEN] = "", said[160], words[WD_KUBE_ERRLEN + 400];
	int err;

	last_words(x, said);
	if (WIFSIGNALED(x->status)) {
		snprintf(words, sizeof(words), "plugin %.200s was ended by signal %d%s", command,
		         WTERMSIG(x->status), said);
		finish(x, -EPROTO, NULL, words);
	} else if (WEXITSTATUS(x->status)) {
		snprintf(words, sizeof(words), "plugin %.200s ended with status %d%s", command,
		         WEXITSTATUS(x->status), said);
		finish(x, -EPROTO, NULL, words);
	} else {
		err = wd_exec_credential_parse(x->text.data ? x->text.data : "", x->text.len,
		                               x->config->exec->api_version, &c, why);
		snprintf(words, sizeof(words), "plugin %.200s: %s", command, why);
		finish(x, err, err ? NULL : &c, words);
	}
}

static void maybe_judge(struct wd_exec *x)
{
	/* a grandchild may keep stderr open: not waited for */
	if (x->exited && x->out < 0)
		judge(x);
}

static void on_end(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_exec *x = ctx;

	(void)fd;
	(void)what;
	/* -1: somebody else has reaped it, and its status is lost */
	if (waitpid(x->pid, &x->status, WNOHANG) == 0)
		return;
	x->pid = 0;
	x->exited = true;
	event_drop(&x->on_exit);
	maybe_judge(x);
}

static void on_out(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_exec *x = ctx;
	char words[400], piece[4096];
	ssize_t n = read(fd, piece, sizeof(piece));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0)
		wd_buf_put(&x->text, piece, (size_t)n);
	explicit_bzero(piece, sizeof(piece));
	if (x->text.err) {
		snprintf(words, sizeof(words), "plugin %.200s writes more than %u KiB",
		         x->config->exec->command, WD_EXEC_OUTPUT_MAX >> 10);
		finish(x, x->text.err, NULL, words);
		return;
	}
	if (n > 0)
		return;
	event_drop(&x->on_out);
	fd_drop(&x->out);
	maybe_judge(x);
}

static void on_err(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_exec *x = ctx;
	char piece[512];
	ssize_t n = read(fd, piece, sizeof(piece));

	(void)what;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n > 0) {
		wd_buf_put(&x->words, piece, (size_t)n); /* no more than its cap */
		return;
	}
	event_drop(&x->on_err);
	fd_drop(&x->err);
}

static void on_time(evutil_socket_t fd, short what, void *ctx)
{
	struct wd_exec *x = ctx;
	char words[400], said[160];

	(void)fd;
	(void)what;
	last_words(x, said);
	snprintf(words, sizeof(words), "plugin %.200s gave no answer in time%s",
	         x->config->exec->command, said);
	finish(x, -ETIMEDOUT, NULL, words);
}

static int spawn(struct wd_exec *x, int out, int err)
{
	const struct wd_kube_exec *spec = x->config->exec;
	char *argv[WD_KUBE_EXEC_MAX + 2] = {spec->command};
	WD_AUTO_FREE char *info = exec_info(x->config);
	WD_AUTO_FREE char **env = info ? environment(x->config, info) : NULL;
	posix_spawn_file_actions_t fa;
	posix_spawnattr_t attr;
	sigset_t none, all;
	int e;

	if (!env)
		return -ENOMEM;
	memcpy(argv + 1, spec->args, sizeof(spec->args));
	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, out, 1);
	posix_spawn_file_actions_adddup2(&fa, err, 2);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawnattr_setpgroup(&attr, 0);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
	                                        POSIX_SPAWN_SETPGROUP);
	e = posix_spawnp(&x->pid, spec->command, &fa, &attr, argv, env);
	if (e)
		x->pid = 0;
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&fa);
	return -e;
}

/* pidfd_open(2), 5.3: SIGCHLD belongs to the owner of the loop. */
static int watch(struct wd_exec *x, struct event_base *loop, unsigned int deadline_ms)
{
	struct timeval tv = {deadline_ms / 1000, deadline_ms % 1000 * 1000};

	x->pidfd = (int)syscall(SYS_pidfd_open, x->pid, 0);
	if (x->pidfd < 0)
		return -errno;
	x->on_exit = event_new(loop, x->pidfd, EV_READ | EV_PERSIST, on_end, x);
	x->on_out = event_new(loop, x->out, EV_READ | EV_PERSIST, on_out, x);
	x->on_err = event_new(loop, x->err, EV_READ | EV_PERSIST, on_err, x);
	x->on_time = event_new(loop, -1, 0, on_time, x);
	if (!x->on_exit || !x->on_out || !x->on_err || !x->on_time || event_add(x->on_exit, NULL) ||
	    event_add(x->on_out, NULL) || event_add(x->on_err, NULL) || event_add(x->on_time, &tv))
		return -ENOMEM;
	return 0;
}

int wd_exec_start(struct event_base *loop, const struct wd_kube_config *config,
                  unsigned int deadline_ms, wd_exec_done *done, void *ctx, struct wd_exec **ret)
{
	struct wd_exec *x = calloc(1, sizeof(*x));
	int out[2] = {-1, -1}, err[2] = {-1, -1}, r = 0;

	if (!x)
		return -ENOMEM;
	x->config = config;
	x->done = done;
	x->ctx = ctx;
	x->pidfd = x->out = x->err = -1;
	wd_buf_init(&x->text, WD_EXEC_OUTPUT_MAX);
	wd_buf_init(&x->words, STDERR_MAX);
	if (pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		r = -errno;
	x->out = out[0];
	x->err = err[0];
	if (!r)
		r = spawn(x, out[1], err[1]);
	fd_drop(&out[1]);
	fd_drop(&err[1]);
	if (!r) {
		fcntl(x->out, F_SETFL, O_NONBLOCK);
		fcntl(x->err, F_SETFL, O_NONBLOCK);
		r = watch(x, loop, deadline_ms);
	}
	if (r)
		wd_exec_free(x);
	else
		*ret = x;
	return r;
}
