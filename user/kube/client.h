/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all requests to one API server share: configuration, credential, trust, the reader of
 * its JSON, and what is known of its health.
 */
#ifndef WD_KUBE_CLIENT_H
#define WD_KUBE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "kube/config.h"
#include "kube/dial.h"
#include "kube/failure.h"
#include "kube/objects.h"
#include "kube/times.h"

struct event_base;

/* whydrop's own experience with the API server, as evidence. */
struct wd_kube_health {
	bool reachable;         /* the last try got an answer, whatever it was */
	uint64_t answered_ns;   /* monotonic; 0 never */
	uint64_t answered_wall; /* ns since 1970 */
	uint64_t failed_ns;     /* the last failure; 0 none so far. It stays after a recovery. */
	uint64_t failed_wall;
	unsigned int failures; /* in a row since the last answer */
	struct wd_kube_failure failure;
	const char *server; /* "https://10.0.0.1:443" */
	const char *origin; /* whose configuration */
	/* server is the address that the kubelet uses, since the configured one led nowhere: */
	bool detour;
	struct wd_kube_failure usual;
	uint64_t usual_ns;
};

#define WD_CLIENT_WAYS 2

struct wd_client {
	struct event_base *loop;
	struct wd_kube_config *config;
	struct wd_kube_times times;
	struct wd_tls *tls[WD_CLIENT_WAYS];
	struct wd_credential *credential;
	struct wd_dial_env env[WD_CLIENT_WAYS];
	unsigned int ways;             /* 2 with a detour */
	const struct wd_dial_env *way; /* that new connections take */
	struct wd_parse *parse;        /* callbacks use it one after the other */
	struct wd_kube_health health;
	char server[WD_CLIENT_WAYS][320];
	char *host_root;
};

/* config becomes its own, whether it succeeds or not. */
int wd_client_new(struct event_base *loop, struct wd_kube_config *config, const char *host_root,
                  const struct wd_kube_times *times, struct wd_client **ret);
void wd_client_free(struct wd_client *c);
/* Something came from the server. */
void wd_client_answered(struct wd_client *c);
/* way: that it met; NULL none. When it leads nowhere and there is another, that one is next. */
void wd_client_failed(struct wd_client *c, const struct wd_kube_failure *f,
                      const struct wd_dial_env *way);

#endif
