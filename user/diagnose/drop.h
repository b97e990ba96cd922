/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of fault a drop speaks of, by the kernel's reason or, below 5.17, by the
 * function that freed the packet. */
#ifndef WD_DIAGNOSE_DROP_H
#define WD_DIAGNOSE_DROP_H

#include "model/event.h"

/* In the order of how much they explain: of several drops the first class is told. */
enum wd_drop_class {
	WD_DROP_NETFILTER,
	WD_DROP_BPF, /* tc, XDP or cgroup program */
	WD_DROP_RPFILTER,
	WD_DROP_NO_ROUTE,
	WD_DROP_NEIGHBOUR,
	WD_DROP_TOO_BIG,
	WD_DROP_ACCEPT_QUEUE,
	WD_DROP_NO_SOCKET,
	WD_DROP_OTHER,
	WD_DROP_UNSPECIFIED, /* the kernel gives no reason */
	WD_DROP_CLASS_MAX,
};

enum wd_drop_class wd_drop_class(const struct wd_event_drop *d);

#endif
