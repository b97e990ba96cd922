/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/tls.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/addr.h"
#include "base/cleanup.h"
#include "kube/file.h"

#define PEM_MAX (4u << 20)

struct wd_tls {
	const struct wd_kube_config *config;
	SSL_CTX *ctx;
	uint64_t stamp;    /* of all that went into ctx */
	char subject[160]; /* for whom the last certificate was that was not trusted */
};

/* The configuration of OpenSSL on the build host, or on this one, is nobody's wish here. */
int wd_tls_new(const struct wd_kube_config *config, struct wd_tls **ret)
{
	struct wd_tls *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ATEXIT, NULL);
	t->config = config;
	*ret = t;
	return 0;
}

void wd_tls_free(struct wd_tls *t)
{
	if (!t)
		return;
	SSL_CTX_free(t->ctx);
	free(t);
}

static void cleanup_bio(BIO **b)
{
	BIO_free(*b);
}

static void cleanup_ctx(SSL_CTX **c)
{
	SSL_CTX_free(*c);
}

static const char *reason(void)
{
	unsigned long e = ERR_peek_last_error();
	const char *text = e ? ERR_reason_error_string(e) : NULL;

	return text ? text : "unreadable";
}

static int complain(char words[WD_KUBE_ERRLEN], const char *what, const char *path, const char *why)
{
	snprintf(words, WD_KUBE_ERRLEN, "%s%s%.300s: %s", what, path ? " " : "", path ? path : "",
	         why);
	ERR_clear_error();
	return -EPROTO;
}

/* Bytes of a blob, wherever they are; *ret_own is to be freed. */
static int blob_bytes(const struct wd_kube_config *c, const struct wd_kube_blob *b,
                      const char *what, const char **ret, size_t *ret_n, char **ret_own,
                      char words[WD_KUBE_ERRLEN])
{
	int r;

	*ret = b->bytes;
	*ret_n = b->n;
	if (b->bytes)
		return 0;
	r = wd_kube_file_read(c->root, b->path, PEM_MAX, ret_own, ret_n);
	if (r) {
		complain(words, what, b->path, strerror(-r));
		return r;
	}
	*ret = *ret_own;
	return 0;
}

/* ---- trust ---------------------------------------------------------------------------------- */

static int store_add(SSL_CTX *ctx, const char *pem, size_t n, const char *path,
                     char words[WD_KUBE_ERRLEN])
{
	wd_cleanup(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	X509_STORE *store = SSL_CTX_get_cert_store(ctx);
	unsigned int count = 0;
	X509 *x;

	while (bio && (x = PEM_read_bio_X509(bio, NULL, NULL, NULL))) {
		count += X509_STORE_add_cert(store, x) == 1;
		X509_free(x);
	}
	if (!count)
		return complain(words, "certificate-authority", path, "no certificate in it");
	ERR_clear_error(); /* "no start line": its end */
	return 0;
}

/* Where distributions keep what they trust: Debian and Ubuntu; Azure Linux, Fedora; Alpine. */
static int trust_system(SSL_CTX *ctx, char words[WD_KUBE_ERRLEN])
{
	const char *paths[] = {
		getenv("SSL_CERT_FILE"),
		"/etc/ssl/certs/ca-certificates.crt",
		"/etc/pki/tls/certs/ca-bundle.crt",
		"/etc/ssl/cert.pem",
	};

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i] && paths[i][0] && SSL_CTX_load_verify_file(ctx, paths[i]) == 1)
			return 0;
	return complain(words, "no certificate-authority is configured", NULL,
	                "and this system has no list of its own in the usual places");
}

/* What the server's certificate is for, to be told beside what was expected: after the handshake
 * has failed it is gone. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct wd_tls *t = SSL_get_app_data(ssl);
	X509 *x = ok ? NULL : X509_STORE_CTX_get0_cert(store);
	GENERAL_NAMES *names = x ? X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL) : NULL;
	size_t n = 0;

	if (!ok)
		t->subject[0] = '\0';
	for (int i = 0; i < sk_GENERAL_NAME_num(names) && n < 100; i++) {
		const GENERAL_NAME *g = sk_GENERAL_NAME_value(names, i);

		if (g->type == GEN_DNS)
			n += (size_t)snprintf(t->subject + n, sizeof(t->subject) - n, "%s%.50s",
			                      n ? ", " : "",
			                      (const char *)ASN1_STRING_get0_data(g->d.dNSName));
	}
	GENERAL_NAMES_free(names);
	return ok;
}

static int trust(const struct wd_kube_config *c, SSL_CTX *ctx, char words[WD_KUBE_ERRLEN])
{
	WD_AUTO_FREE char *own = NULL;
	const char *pem;
	size_t n;
	int r;

	if (c->insecure) {
		SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL);
		return 0;
	}
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER, on_verify);
	if (!c->ca.bytes && !c->ca.path)
		return trust_system(ctx, words);
	r = blob_bytes(c, &c->ca, "certificate-authority", &pem, &n, &own, words);
	return r ? r : store_add(ctx, pem, n, c->ca.path, words);
}

/* ---- the client's certificate --------------------------------------------------------------- */

/* Never ask at the terminal: an encrypted key is an error. */
static int no_passphrase(char *buf, int size, int rw, void *ctx)
{
	(void)buf;
	(void)size;
	(void)rw;
	(void)ctx;
	return -1;
}

static int use_cert(SSL_CTX *ctx, const char *pem, size_t n, const char *path,
                    char words[WD_KUBE_ERRLEN])
{
	wd_cleanup(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	int ok = x && SSL_CTX_use_certificate(ctx, x) == 1;

	X509_free(x);
	if (!ok)
		return complain(words, "client-certificate", path, reason());
	while ((x = PEM_read_bio_X509(bio, NULL, NULL, NULL)))
		if (SSL_CTX_add_extra_chain_cert(ctx, x) != 1)
			X509_free(x);
	ERR_clear_error();
	return 0;
}

static int use_key(SSL_CTX *ctx, const char *pem, size_t n, const char *path,
                   char words[WD_KUBE_ERRLEN])
{
	wd_cleanup(cleanup_bio) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, no_passphrase, NULL) : NULL;
	int ok = key && SSL_CTX_use_PrivateKey(ctx, key) == 1;

	EVP_PKEY_free(key);
	if (!ok)
		return complain(words, "client-key", path, reason());
	if (SSL_CTX_check_private_key(ctx) != 1)
		return complain(words, "client-key", path,
		                "does not belong to the client certificate");
	return 0;
}

static int use_files(const struct wd_kube_config *c, SSL_CTX *ctx, char words[WD_KUBE_ERRLEN])
{
	WD_AUTO_FREE char *own = NULL, *own_key = NULL;
	const char *pem;
	size_t n;
	int r = blob_bytes(c, &c->cert, "client-certificate", &pem, &n, &own, words);

	if (!r)
		r = use_cert(ctx, pem, n, c->cert.path, words);
	if (!r)
		r = blob_bytes(c, &c->key, "client-key", &pem, &n, &own_key, words);
	if (!r)
		r = use_key(ctx, pem, n, c->key.path, words);
	if (own_key)
		explicit_bzero(own_key, n);
	return r;
}

static int identify(const struct wd_kube_config *c, const struct wd_identity *id, SSL_CTX *ctx,
                    char words[WD_KUBE_ERRLEN])
{
	int r;

	if (id->cert) {
		r = use_cert(ctx, id->cert, strlen(id->cert), "of the plugin", words);
		return r ? r : use_key(ctx, id->key, strlen(id->key), "of the plugin", words);
	}
	return c->cert.bytes || c->cert.path ? use_files(c, ctx, words) : 0;
}

/* ---- sessions ------------------------------------------------------------------------------- */

static uint64_t stamp_of(const struct wd_kube_config *c, const struct wd_identity *id)
{
	const struct wd_kube_blob *const blobs[] = {&c->ca, &c->cert, &c->key};
	uint64_t h = id->cert ? id->generation + 1 : 1;

	for (size_t i = 0; i < 3; i++)
		h = h * 1000003 +
		    (blobs[i]->path ? wd_kube_file_stamp(c->root, blobs[i]->path) : 7);
	return h;
}

static int refresh(struct wd_tls *t, const struct wd_identity *id, char words[WD_KUBE_ERRLEN])
{
	uint64_t stamp = stamp_of(t->config, id);
	wd_cleanup(cleanup_ctx) SSL_CTX *ctx = NULL;
	int r;

	if (t->ctx && stamp == t->stamp)
		return 0;
	ctx = SSL_CTX_new(TLS_client_method());
	if (!ctx)
		return -ENOMEM;
	SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
	/* buffers of a quiet watch are given back */
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
	                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
	r = trust(t->config, ctx, words);
	if (!r)
		r = identify(t->config, id, ctx, words);
	if (r)
		return r;
	SSL_CTX_free(t->ctx);
	t->ctx = wd_take_ptr(ctx);
	t->stamp = stamp;
	return 0;
}

static const char *expected_name(const struct wd_tls *t)
{
	return t->config->server_name ? t->config->server_name : t->config->host;
}

static int expect(const struct wd_tls *t, SSL *ssl)
{
	static const unsigned char alpn[] = "\x08http/1.1";
	X509_VERIFY_PARAM *param = SSL_get0_param(ssl);
	const char *name = expected_name(t);
	struct wd_addr a;

	if (SSL_set_alpn_protos(ssl, alpn, sizeof(alpn) - 1))
		return -ENOMEM;
	if (wd_addr_parse(name, &a) == 0)
		return X509_VERIFY_PARAM_set1_ip_asc(param, name) == 1 ? 0 : -EINVAL;
	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS |
	                                               X509_CHECK_FLAG_NEVER_CHECK_SUBJECT);
	if (X509_VERIFY_PARAM_set1_host(param, name, 0) != 1 ||
	    SSL_set_tlsext_host_name(ssl, name) != 1)
		return -EINVAL;
	return 0;
}

int wd_tls_session(struct wd_tls *t, const struct wd_identity *id, struct ssl_st **ret,
                   char words[WD_KUBE_ERRLEN])
{
	SSL *ssl;
	int r;

	words[0] = '\0';
	r = refresh(t, id, words);
	if (r && !words[0])
		snprintf(words, WD_KUBE_ERRLEN, "%s", strerror(-r));
	if (r)
		return r;
	ssl = SSL_new(t->ctx);
	r = ssl ? expect(t, ssl) : -ENOMEM;
	if (r) {
		SSL_free(ssl);
		snprintf(words, WD_KUBE_ERRLEN, "tls-server-name or host '%.200s' cannot be used",
		         expected_name(t));
		ERR_clear_error();
		return r;
	}
	SSL_set_app_data(ssl, t);
	SSL_set_connect_state(ssl);
	*ret = ssl;
	return 0;
}

static void verify_words(const struct wd_tls *t, long result, char words[WD_KUBE_ERRLEN])
{
	const char *why = X509_verify_cert_error_string(result), *more = "";

	switch (result) {
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		snprintf(words, WD_KUBE_ERRLEN, "its certificate is not for %.200s%s%s%s",
		         expected_name(t), t->subject[0] ? " (but for " : "", t->subject,
		         t->subject[0] ? ", …)" : "");
		return;
	case X509_V_ERR_CERT_HAS_EXPIRED:
	case X509_V_ERR_CERT_NOT_YET_VALID:
		more = "; is this node's clock right?";
		break;
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		more = "; the configured certificate-authority did not sign it, or something in "
		       "between answers in its place";
		break;
	default:
		break;
	}
	snprintf(words, WD_KUBE_ERRLEN, "its certificate is not trusted: %s%s", why, more);
}

void wd_tls_words(const struct wd_tls *t, const struct ssl_st *ssl, char words[WD_KUBE_ERRLEN])
{
	long result = SSL_get_verify_result(ssl);

	if (!t->config->insecure && result != X509_V_OK)
		verify_words(t, result, words);
	else
		snprintf(words, WD_KUBE_ERRLEN, "TLS failed: %s",
		         ERR_peek_error() ? reason() : "the peer closed the connection");
	ERR_clear_error();
}
