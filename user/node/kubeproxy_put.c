/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>

#include "model/store.h"
#include "node/kubeproxy.h"

static int put(const struct wd_object *o, void *ctx)
{
	int r = wd_store_put(ctx, o);

	return r == -EINVAL ? 0 : r;
}

int wd_kubeproxy_put(struct wd_kubeproxy *k, struct wd_store *s)
{
	return wd_kubeproxy_each(k, put, s);
}
