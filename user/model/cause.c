/* SPDX-License-Identifier: Apache-2.0 */
#include "model/cause.h"

static const struct {
	const char *id, *headline;
} causes[WD_CAUSE_MAX] = {
#define X(e, id, headline) [WD_CAUSE_##e] = {id, headline},
	WD_CAUSES(X)
#undef X
};

static const char *const outcomes[WD_OUTCOME_MAX] = {
#define X(e, id) [WD_OUTCOME_##e] = id,
	WD_OUTCOMES(X)
#undef X
};

static const char *const confidences[WD_CONFIDENCE_MAX] = {
	[WD_CONFIDENCE_POSSIBLE] = "possible",
	[WD_CONFIDENCE_LIKELY] = "likely",
	[WD_CONFIDENCE_CERTAIN] = "certain",
};

/* A value from outside the enum (a recording of another version) becomes what claims least. */

const char *wd_cause_id(enum wd_cause c)
{
	return causes[(unsigned int)c < WD_CAUSE_MAX ? c : WD_CAUSE_UNKNOWN].id;
}

const char *wd_cause_headline(enum wd_cause c)
{
	return causes[(unsigned int)c < WD_CAUSE_MAX ? c : WD_CAUSE_UNKNOWN].headline;
}

const char *wd_outcome_id(enum wd_outcome o)
{
	return outcomes[(unsigned int)o < WD_OUTCOME_MAX ? o : WD_OUTCOME_NONE];
}

const char *wd_confidence_id(enum wd_confidence c)
{
	return confidences[(unsigned int)c < WD_CONFIDENCE_MAX ? c : WD_CONFIDENCE_POSSIBLE];
}
