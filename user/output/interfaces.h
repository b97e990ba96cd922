/* SPDX-License-Identifier: Apache-2.0 */
/* The devices of a capture file: each is described before its first packet. */
#ifndef WD_OUTPUT_INTERFACES_H
#define WD_OUTPUT_INTERFACES_H

#include <stdint.h>

#include "base/buf.h"

/* Devices come and go with pods: what is beyond shares one description. */
#define WD_INTERFACES_MAX 4096

struct wd_interface;

/* All zero: empty. */
struct wd_interfaces {
	struct wd_interface *all;
	unsigned int n, alloc;
};

void wd_interfaces_release(struct wd_interfaces *s);
/* Stores the number of a device (netns and ifindex 0, name "": unknown); when it is new,
 * appends its description first. -ENOMEM, or the error of the buffer. */
int wd_interfaces_number(struct wd_interfaces *s, struct wd_buf *b, uint32_t netns,
                         uint32_t ifindex, const char *name, uint32_t *ret);

#endif
