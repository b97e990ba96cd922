/* SPDX-License-Identifier: Apache-2.0 */
/* The last known state: a file that somebody else may have written, or half written. */
#include "fuzz.h"

#include "kube/state.h"

#define HEAD                                                                                   \
	"{\"whydrop_state\":1,\"saved\":\"x\",\"saved_ns\":1,\"node\":\"a\",\"server\":\"b\"," \
	"\"api_servers\":[{\"ip\":\"10.0.0.1\",\"port\":443,\"name\":\"\"}]}\n"
#define STATE "\"complete\":true,\"node_only\":false,\"absent\":false,\"as_of_ns\":5,\"skipped\":1,"
#define PODS  "{\"resource\":\"pods\"," STATE "\"objects\":1,\"on_demand\":1,\"problem\":\"p\"}\n"
#define POD(name) \
	"{\"metadata\":{\"namespace\":\"n\",\"name\":\"" name "\"},\"spec\":{},\"status\":{}}\n"
#define NODES "{\"resource\":\"nodes\"," STATE "\"objects\":1,\"on_demand\":0}\n"
#define NODE  "{\"metadata\":{\"name\":\"a\"}}\n"
#define END   "{\"end\":true}\n"

WD_FUZZ_TEXT_SEEDS(WD_FUZZ_TEXT(HEAD PODS POD("a") POD("b") NODES NODE END),
                   WD_FUZZ_TEXT(HEAD NODES "{}\n" END), WD_FUZZ_TEXT(HEAD END),
                   WD_FUZZ_TEXT("{\"whydrop_state\":2}"))

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct wd_state_info info, before;
	char err[WD_STATE_ERRLEN] = "";
	struct wd_store *s = NULL;

	memset(&info, 0x5a, sizeof(info));
	before = info;
	if (wd_state_parse((const char *)data, size, &s, &info, err)) {
		WD_FUZZ_CHECK(!s && err[0] && !memcmp(&info, &before, sizeof(info)));
		return 0;
	}
	WD_FUZZ_CHECK(s && memchr(info.node, '\0', sizeof(info.node)));
	for (int r = 0; r < WD_RESOURCE_MAX; r++)
		WD_FUZZ_CHECK(!wd_store_state(s, (enum wd_resource)r)->live);
	wd_store_free(s);
	return 0;
}
