/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards the API server: TLS 1.2 and later, the server's name or address checked against its
 * certificate, the client's certificate shown. Files are read again when they have changed.
 */
#ifndef WD_KUBE_TLS_H
#define WD_KUBE_TLS_H

#include <stddef.h>

#include "kube/config.h"
#include "kube/credential.h"

struct ssl_st;
struct wd_tls;

int wd_tls_new(const struct wd_kube_config *config, struct wd_tls **ret);
void wd_tls_free(struct wd_tls *t);
/* For one connection. Negative errno, with words: which file or field cannot be used, and why. */
int wd_tls_session(struct wd_tls *t, const struct wd_identity *id, struct ssl_st **ret,
                   char words[WD_KUBE_ERRLEN]);
/* Why the handshake failed, after it did; empties the error queue. */
void wd_tls_words(const struct wd_tls *t, const struct ssl_st *ssl, char words[WD_KUBE_ERRLEN]);

#endif
