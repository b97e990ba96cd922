/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Small files of credentials and configuration: read whole, with a cap, and below another root
 * when the node's own are meant (a pod sees them below --host-root, and absolute links in
 * them, such as kubelet-client-current.pem, must be followed there and not in the pod).
 */
#ifndef WD_KUBE_FILE_H
#define WD_KUBE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* root: NULL or "/", or the directory that stands for /. Stores a terminated copy. -EFBIG above
 * cap; -EINVAL: not a regular file; -EIO..: errno of open or read. */
int wd_kube_file_read(const char *root, const char *path, size_t cap, char **ret, size_t *ret_n);
/* Open for reading; negative errno. */
int wd_kube_file_open(const char *root, const char *path);
/* Names a state of the file's content: another value after it was replaced. 0: not there. */
uint64_t wd_kube_file_stamp(const char *root, const char *path);
/* `path` itself when it is absolute, else below the directory of `beside`. NULL: no memory. */
char *wd_kube_file_beside(const char *beside, const char *path);
/* Standard alphabet; white space is passed over. Stores a terminated copy. -EINVAL, -ENOMEM. */
int wd_kube_base64_decode(const char *text, char **ret, size_t *ret_n);

#endif
