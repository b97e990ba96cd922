/* SPDX-License-Identifier: Apache-2.0 */
#include "kube/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static uint64_t wall_of(uint64_t monotonic)
{
	return monotonic + (uint64_t)wd_clock_wall_offset_ns();
}

void wd_client_answered(struct wd_client *c)
{
	c->health.reachable = true;
	c->health.failures = 0;
	c->health.answered_ns = wd_clock_monotonic_ns();
	c->health.answered_wall = wall_of(c->health.answered_ns);
}

static void way_set(struct wd_client *c, unsigned int i)
{
	c->way = &c->env[i];
	c->health.server = c->server[i];
	c->health.origin = c->env[i].config->origin;
	c->health.detour = i > 0;
}

void wd_client_failed(struct wd_client *c, const struct wd_kube_failure *f,
                      const struct wd_dial_env *way)
{
	struct wd_kube_health *h = &c->health;

	if (f->stage == WD_KUBE_STAGE_ANSWER)
		wd_client_answered(c);
	else
		h->failures++;
	/* a credential that cannot be had says nothing about the way there */
	if (f->stage != WD_KUBE_STAGE_ANSWER && f->stage != WD_KUBE_STAGE_CREDENTIAL)
		h->reachable = false;
	h->failure = *f;
	h->failed_ns = wd_clock_monotonic_ns();
	h->failed_wall = wall_of(h->failed_ns);
	/* others may have met the same, and changed it already */
	if (c->ways > 1 && way == c->way && f->stage >= WD_KUBE_STAGE_RESOLVE &&
	    f->stage <= WD_KUBE_STAGE_TLS) {
		if (way == &c->env[0]) {
			h->usual = *f;
			h->usual_ns = h->failed_ns;
		}
		way_set(c, way == &c->env[0]);
	}
}

static int way_add(struct wd_client *c, const struct wd_kube_config *config)
{
	bool v6 = strchr(config->host, ':');
	unsigned int i = c->ways;
	int r = wd_tls_new(config, &c->tls[i]);

	if (r)
		return r;
	c->env[i] = (struct wd_dial_env){.loop = c->loop,
	                                 .config = config,
	                                 .times = &c->times,
	                                 .tls = c->tls[i],
	                                 .host_root = c->host_root};
	snprintf(c->server[i], sizeof(c->server[i]), "%s://%s%.253s%s:%u",
	         config->tls ? "https" : "http", v6 ? "[" : "", config->host, v6 ? "]" : "",
	         config->port);
	c->ways++;
	return 0;
}

int wd_client_new(struct event_base *loop, struct wd_kube_config *config, const char *host_root,
                  const struct wd_kube_times *times, struct wd_client **ret)
{
	struct wd_client *c = calloc(1, sizeof(*c));
	int r = -ENOMEM;

	if (!c) {
		wd_kube_config_free(config);
		return r;
	}
	c->loop = loop;
	c->config = config;
	c->times = times ? *times : WD_KUBE_TIMES_DEFAULT;
	c->host_root = host_root ? strdup(host_root) : NULL;
	if (!host_root || c->host_root)
		r = way_add(c, config);
	if (!r && config->detour)
		r = way_add(c, config->detour);
	if (!r)
		r = wd_credential_new(loop, config, &c->credential);
	if (!r)
		r = wd_parse_new(&c->parse);
	if (r) {
		wd_client_free(c);
		return r;
	}
	way_set(c, 0);
	c->health.failure.stage = WD_KUBE_STAGE_MAX;
	*ret = c;
	return 0;
}

void wd_client_free(struct wd_client *c)
{
	if (!c)
		return;
	wd_parse_free(c->parse);
	wd_credential_free(c->credential);
	for (unsigned int i = 0; i < c->ways; i++)
		wd_tls_free(c->tls[i]);
	wd_kube_config_free(c->config);
	free(c->host_root);
	free(c);
}
