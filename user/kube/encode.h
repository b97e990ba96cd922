/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of the model as JSON of the Kubernetes API: the fields that whydrop uses and no others,
 * such that wd_parse_object() makes the same object of it. Pure.
 */
#ifndef WD_KUBE_ENCODE_H
#define WD_KUBE_ENCODE_H

#include "base/buf.h"
#include "model/cluster.h"

/* Appends one line without its end. A pod's on_demand is not told: Kubernetes has no word for it.
 */
void wd_encode_object(struct wd_buf *b, const struct wd_object *o);
/* A JSON string, quoted; what is not UTF-8 becomes U+FFFD. */
void wd_encode_string(struct wd_buf *b, const char *s);

#endif
