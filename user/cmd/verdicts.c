/* SPDX-License-Identifier: Apache-2.0 */
#include "cmd/verdicts.h"

#include "base/clock.h"
#include "diagnose/drop.h"

/* The pauses between SYNs are 1, 2, 4, 8, 16 s: the next one that is dropped keeps them on. */
#define KEEP_NS  (20 * WD_NSEC_PER_SEC)
#define RETRY_NS (60 * WD_NSEC_PER_SEC)

static void attach(struct wd_verdicts *v, uint64_t now_ns)
{
	char err[WD_PROBE_ERRLEN];

	/* why they cannot be had here, `whydrop probes` says; each finding says that they miss */
	if (wd_probe_verdicts(v->probe, true, err) < 0)
		v->retry_ns = now_ns + RETRY_NS;
}

void wd_verdicts_start(struct wd_verdicts *v, struct wd_probe *p, enum wd_packets packets,
                       uint64_t now_ns)
{
	*v = (struct wd_verdicts){.probe = p, .packets = packets};
	if (packets == WD_PACKETS_ON)
		attach(v, now_ns);
}

void wd_verdicts_event(struct wd_verdicts *v, const struct wd_event *e)
{
	if (e->kind == WD_EVENT_VERDICT ||
	    (e->kind == WD_EVENT_DROP && wd_drop_class(&e->drop) == WD_DROP_NETFILTER))
		v->wanted = true;
}

void wd_verdicts_run(struct wd_verdicts *v, uint64_t now_ns)
{
	bool wanted = v->wanted;

	v->wanted = false;
	if (v->packets != WD_PACKETS_AUTO)
		return;
	if (wanted) {
		v->until_ns = now_ns + KEEP_NS;
		if (!wd_probe_verdicts_on(v->probe) && now_ns >= v->retry_ns &&
		    wd_probe_verdicts_possible(v->probe))
			attach(v, now_ns);
	} else if (wd_probe_verdicts_on(v->probe) && now_ns >= v->until_ns) {
		wd_probe_verdicts(v->probe, false, NULL);
	}
}
