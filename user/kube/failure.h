/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Why the API did not answer: how far it came, against which address, and the words for it. It
 * is evidence as well as an error message, since the failure under study is often this very one.
 */
#ifndef WD_KUBE_FAILURE_H
#define WD_KUBE_FAILURE_H

#include <stdint.h>

#include "base/addr.h"

#define WD_KUBE_FAILURE_LEN 512

/* In the order in which a request passes them. */
#define WD_KUBE_STAGES(X)                           \
	X(CREDENTIAL, "credential")                 \
	X(RESOLVE, "resolve") /* the name */        \
	X(CONNECT, "connect") /* TCP */             \
	X(PROXY, "proxy")     /* HTTP CONNECT */    \
	X(TLS, "tls")         /* and its trust */   \
	X(REQUEST, "request") /* no or bad head */  \
	X(BODY, "body")       /* cut, or stalled */ \
	X(ANSWER, "answer")   /* another status than 200 */

enum wd_kube_stage {
#define X(id, name) WD_KUBE_STAGE_##id,
	WD_KUBE_STAGES(X)
#undef X
		WD_KUBE_STAGE_MAX,
};

struct wd_kube_failure {
	enum wd_kube_stage stage; /* MAX: none */
	int error;  /* negative errno: -ETIMEDOUT, -ECONNREFUSED, -EPIPE (cut), -EPROTO */
	int status; /* HTTP; 0 none came */
	unsigned int retry_after_s;
	struct wd_addr ip; /* that was tried last; port 0: it did not come to that */
	uint16_t port;
	char text[WD_KUBE_FAILURE_LEN]; /* may hold bytes from outside */
};

const char *wd_kube_stage_name(enum wd_kube_stage s);
__attribute__((format(printf, 4, 5))) void wd_kube_failure_set(struct wd_kube_failure *f,
                                                               enum wd_kube_stage stage, int error,
                                                               const char *fmt, ...);

#endif
