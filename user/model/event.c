/* SPDX-License-Identifier: Apache-2.0 */
#include "model/event.h"

static const char *const hooks[WD_HOOK_MAX] = {
	[WD_HOOK_UNKNOWN] = "unknown", [WD_HOOK_PREROUTING] = "prerouting",
	[WD_HOOK_INPUT] = "input",     [WD_HOOK_FORWARD] = "forward",
	[WD_HOOK_OUTPUT] = "output",   [WD_HOOK_POSTROUTING] = "postrouting",
};

const char *wd_hook_name(enum wd_hook h)
{
	return hooks[(unsigned int)h < WD_HOOK_MAX ? h : WD_HOOK_UNKNOWN];
}
