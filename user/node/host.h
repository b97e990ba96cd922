/* SPDX-License-Identifier: Apache-2.0 */
/* Names of this machine, for display and for matching spec.nodeName. */
#ifndef WD_NODE_HOST_H
#define WD_NODE_HOST_H

/* Object names of Kubernetes end at 253, release strings of uname(2) at 64. */
#define WD_HOST_NAME_LEN   254
#define WD_HOST_KERNEL_LEN 66

struct wd_host {
	char name[WD_HOST_NAME_LEN];     /* of the node */
	char kernel[WD_HOST_KERNEL_LEN]; /* release, for display only: features are probed */
};

/* node_name: what the user says (--node), or NULL or "": the hostname, in lower case and
 * without blanks around it, as the kubelet names its node. -EINVAL: the user's name is
 * too long; -errno of uname(2). ret is untouched on failure. */
int wd_host_read(const char *node_name, struct wd_host *ret);

#endif
