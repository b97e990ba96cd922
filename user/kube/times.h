/* SPDX-License-Identifier: Apache-2.0 */
/* How long whydrop waits for what. Tests shorten it. */
#ifndef WD_KUBE_TIMES_H
#define WD_KUBE_TIMES_H

struct wd_kube_times {
	unsigned int resolve_ms;
	unsigned int connect_ms; /* each address */
	unsigned int tls_ms;     /* a proxy's answer too */
	unsigned int header_ms;  /* until the head is complete */
	unsigned int idle_ms;    /* between two pieces of a body */
	unsigned int list_ms;    /* a whole page, or a whole streaming list until it is in sync */
	unsigned int watch_s;    /* timeoutSeconds of a watch: watch_s to twice that */
	unsigned int retry_ms, retry_max_ms;   /* back-off */
	unsigned int absent_ms;                /* of a resource that is not served */
	unsigned int positive_ms, negative_ms; /* of answers about single pods */
};

#define WD_KUBE_TIMES_DEFAULT          \
	((struct wd_kube_times){       \
		.resolve_ms = 8000,    \
		.connect_ms = 5000,    \
		.tls_ms = 5000,        \
		.header_ms = 30000,    \
		.idle_ms = 30000,      \
		.list_ms = 180000,     \
		.watch_s = 300,        \
		.retry_ms = 800,       \
		.retry_max_ms = 30000, \
		.absent_ms = 600000,   \
		.positive_ms = 60000,  \
		.negative_ms = 30000,  \
	})

#endif
