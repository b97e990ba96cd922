/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API server is and as whom to ask it. Sources, the first that exists is taken:
 *   --kubeconfig F
 *   the pod's service account (KUBERNETES_SERVICE_HOST and _PORT)
 *   $KUBECONFIG: the first file of the list that exists; files are not merged
 *   $HOME/.kube/config
 *   the kubelet's own kubeconfig, below --host-root: the node's last resort
 * A source that exists and cannot be read is an error: the next one would be somebody else.
 * Proxies of the environment (HTTPS_PROXY) are not looked at; proxy-url is.
 */
#ifndef WD_KUBE_CONFIG_H
#define WD_KUBE_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WD_KUBE_ERRLEN   640
#define WD_KUBE_FILE_MAX (1u << 20)
/* A bound token has some 1.2 KiB; the whole head of a request must stay small. */
#define WD_KUBE_TOKEN_MAX (16u << 10)
#define WD_KUBE_EXEC_MAX  64 /* arguments, and variables */

/* Either bytes, from the file itself or decoded, or the path of a file; neither: absent. */
struct wd_kube_blob {
	char *bytes;
	size_t n;
	char *path;
};

struct wd_kube_exec {
	char *command; /* a path if it holds a slash, else looked for in PATH */
	char *api_version;
	char *args[WD_KUBE_EXEC_MAX + 1];      /* NULL-terminated */
	char *variables[WD_KUBE_EXEC_MAX + 1]; /* "NAME=value" */
	bool cluster_info;                     /* provideClusterInfo */
};

struct wd_kube_config {
	char *origin; /* "kubeconfig /root/.kube/config, context aks" */
	char *root;   /* of all paths here; NULL: / */
	bool tls;
	char *host; /* a name or an address, without brackets */
	uint16_t port;
	char *prefix;      /* in front of each path; "" or "/…" without a slash at its end */
	char *server_name; /* tls-server-name; NULL: host */
	bool insecure;     /* insecure-skip-tls-verify */
	struct wd_kube_blob ca, cert, key;
	char *token;
	char *token_path;
	struct wd_kube_exec *exec;
	char *proxy_host; /* HTTP CONNECT; NULL: none */
	uint16_t proxy_port;
	/* The same identity at the address that the node's kubelet uses: of a service account,
	 * whose own way leads through the ClusterIP, which may be what is broken. NULL: none. */
	struct wd_kube_config *detour;
};

struct wd_kube_sources {
	const char *file;      /* --kubeconfig, or NULL */
	const char *context;   /* instead of current-context, or NULL */
	const char *host_root; /* NULL: / */
	/* where the service account's files are; NULL: the usual place */
	const char *account;
};

/* -ENOENT: no source. -EPROTO: one is wrong. -errno of reading it. err says it in words, with file,
 * line and field. */
int wd_kube_config_new(const struct wd_kube_sources *from, struct wd_kube_config **ret,
                       char err[WD_KUBE_ERRLEN]);
void wd_kube_config_free(struct wd_kube_config *c);
/* Of a kubeconfig's text; path: for words, and for relative files. */
int wd_kube_config_parse(const char *path, const char *root, const char *context, const char *text,
                         size_t n, struct wd_kube_config **ret, char err[WD_KUBE_ERRLEN]);
/* "https://host:port/prefix" into c; -EINVAL, with why. */
int wd_kube_config_set_server(struct wd_kube_config *c, const char *url, const char **ret_why);
/* A token as it is sent: blanks around it cut off; -EINVAL: it holds what no header may. */
int wd_kube_token_check(char *token, const char **ret_why);

#endif
