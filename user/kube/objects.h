/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON of the Kubernetes API as objects of the model. One object at a time; what it gives
 * lives until the next call. A field of a wrong type where whydrop needs it refuses the object
 * with the field's name; unknown fields, and known ones that whydrop does not use, are ignored
 * (some of those are not even checked to be JSON, see prune.h); null is absent;
 * single elements of arrays that cannot be read (a bad address) are left out and counted. Pure.
 */
#ifndef WD_KUBE_OBJECTS_H
#define WD_KUBE_OBJECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "model/cluster.h"

#define WD_PARSE_ERRLEN 200

struct wd_parse;

int wd_parse_new(struct wd_parse **ret);
void wd_parse_free(struct wd_parse *p);

/* Elements left out since wd_parse_new(): addresses, prefixes and ports that are none. */
uint64_t wd_parse_left_out(const struct wd_parse *p);

/* kind: what is expected; the object's own "kind" may be absent (items of lists). -EPROTO, with
 * err: "spec.ports[2].port: not an integer". -ENOMEM. */
int wd_parse_object(struct wd_parse *p, enum wd_resource kind, const char *json, size_t n,
                    struct wd_object *ret, char err[WD_PARSE_ERRLEN]);

/* metav1.Status, when the server refuses. code 0: none. */
struct wd_kube_status {
	int code;
	const char *reason, *message;
	unsigned int retry_after_s;
};

/* What of a list is not its items, or a Status in its place. */
struct wd_kube_envelope {
	const char *kind; /* "PodList", "List", "Status" */
	const char *resource_version;
	const char *next; /* metadata.continue; "" the last page */
	struct wd_kube_status status;
};
int wd_parse_envelope(struct wd_parse *p, const char *json, size_t n, struct wd_kube_envelope *ret,
                      char err[WD_PARSE_ERRLEN]);

enum wd_watch_type {
	WD_WATCH_ADDED,
	WD_WATCH_MODIFIED,
	WD_WATCH_DELETED,
	WD_WATCH_BOOKMARK,
	WD_WATCH_ERROR,
	WD_WATCH_UNKNOWN, /* of a later Kubernetes: to be skipped */
};

struct wd_watch_frame {
	enum wd_watch_type type;
	const char *resource_version; /* of the object; "" none */
	bool initial_events_end;      /* BOOKMARK with k8s.io/initial-events-end */
	bool readable;                /* ADDED, MODIFIED, DELETED: object holds it */
	struct wd_object object;      /* not readable: kind, namespace and name if they are known */
	struct wd_kube_status status; /* ERROR */
	char err[WD_PARSE_ERRLEN];    /* not readable: why */
};
int wd_parse_frame(struct wd_parse *p, enum wd_resource kind, const char *json, size_t n,
                   struct wd_watch_frame *ret, char err[WD_PARSE_ERRLEN]);

#endif
