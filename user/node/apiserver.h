/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where the API server is, by what the node says: the Service default/kubernetes in its rules,
 * the environment of a pod, the kubelet's kubeconfig, and /etc/hosts for names. Nothing is
 * resolved here: a name that has no address yet is in the list as a name.
 *
 * The kubeconfig is not parsed as YAML (no library of this room can): every line "server: URL"
 * counts, quoted or not, which holds for all that kubeadm, AKS and kubectl write, JSON included. A
 * URL that YAML would spread over lines is not found.
 */
#ifndef WD_NODE_APISERVER_H
#define WD_NODE_APISERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/store.h"

#define WD_APISERVER_NAME_LEN 254
#define WD_APISERVER_FILE_MAX (1u << 20)

struct wd_apiserver {
	char name[WD_APISERVER_NAME_LEN]; /* in lower case; "" none */
	bool has_ip;
	struct wd_addr ip;
	uint16_t port;
	const char *source; /* literal */
};

struct wd_apiservers {
	struct wd_apiserver v[WD_STORE_API_MAX];
	unsigned int n;
	bool cut; /* there were more */
};

/* ---- pure ---------------------------------------------------------------------------------- */

/* "https://host[:port][/…]", or without scheme; the port of the scheme if none is written. Host is
 * a name or an address. -EINVAL. */
int wd_apiserver_url(const char *text, size_t n, char host[WD_APISERVER_NAME_LEN], uint16_t *port);
/* host: a name or an address. Once each; false: it is neither, or there is no room. source:
 * literal. */
bool wd_apiservers_add(struct wd_apiservers *l, const char *host, uint16_t port,
                       const char *source);
/* An address of a name in the list; to be called by whoever resolves. */
void wd_apiservers_resolved(struct wd_apiservers *l, const char *name, const struct wd_addr *ip,
                            const char *source);
/* Every "server:" of a kubeconfig; how many there were. */
unsigned int wd_apiservers_kubeconfig(struct wd_apiservers *l, const char *text, size_t n,
                                      const char *source);
/* Addresses of the names in the list, from the text of /etc/hosts. */
void wd_apiservers_hosts(struct wd_apiservers *l, const char *text, size_t n);
/* Cluster IPs and endpoints of default/kubernetes in this store; false: it is not there. */
bool wd_apiservers_service(struct wd_apiservers *l, const struct wd_store *s, const char *source);

/* ---- reading ------------------------------------------------------------------------------- */

/* Adds what environment, kubeconfigs and hosts below host_root say. */
void wd_apiservers_read(struct wd_apiservers *l, const char *host_root);
/* Those that have an address into the store. As wd_store_set_api_servers(). */
int wd_apiservers_put(const struct wd_apiservers *l, struct wd_store *s);

#endif
