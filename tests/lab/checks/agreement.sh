#!/usr/bin/env bash
# Two whydrops that watch one connection agree, and text says what JSON says.
#
# Also proves that one tracer does not disturb another, as on a node where an agent
# runs while somebody traces by hand.
. "$LAB_SOURCE/check.sh"

refused cart "${POD_IP[api]}"
export WORK
traced trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -- sh -c 'exec "$@" >"$WORK/json"' sh \
	"$WHYDROP" trace "${POD_IP[api]}" --host-root "$HOST_ROOT" -o json -- "${COMMAND[@]}" \
	>"$WORK/text" 2>"$WORK/err"
problem=''
finding=$(jq -c 'select(.type == "finding" and .final)' "$WORK/json" 2>&1)
for filter in .client.pod.namespace .client.pod.name .client.process.comm .target.ip; do
	word=$(jq -r "$filter" <<<"$finding" 2>&1)
	grep -qF -- "$word" "$WORK/text" || problem+="no $word in the text; "
done
grep -qF "${POD_IP[api]}:$REFUSED_PORT" "$WORK/text" || problem+="no address and port in the text; "
verdict "text and JSON" "${problem:+$problem$(head -c 600 "$WORK/text")}"
