#!/usr/bin/env bash
# The second way to attach gives the same answer as the first, and an answer without a
# probe says which one is missing and is no surer for it.
. "$LAB_SOURCE/check.sh"

POINTS=(inet_sock_set_state tcp_destroy_sock tcp_retransmit_skb tcp_retransmit_synack
	tcp_receive_reset tcp_send_reset inet_sk_error_report kfree_skb connect)

# answers FILTER WHAT OPTION…: a refused connection, judged by a jq filter over all lines
answers() {
	local filter=$1 what=$2 got=''
	shift 2
	refused cart "${POD_IP4[api]}"
	traced trace --host-root "$HOST_ROOT" -o json "$@" "${POD_IP4[api]}" -- "${COMMAND[@]}" \
		>"$WORK/out" 2>"$WORK/err"
	jq -es "$filter" "$WORK/out" >"$WORK/jq" 2>&1 ||
		got="$(head -c 200 "$WORK/err") $(grep '"finding"' "$WORK/out" | head -c 600)"
	verdict "$what" "$got"
}

FORCED=()
for point in "${POINTS[@]}"; do
	FORCED+=(--force "$point=raw_tp")
done
answers 'any(.[]; .type == "finding" and .cause == "backend-not-listening"
		and .confidence == "certain" and .client.process.comm == "peer")
	and (map(select(.type == "start"))[0].probes | all(.way == "raw_tp"))' \
	"every point by raw_tp" "${FORCED[@]}"
for point in kfree_skb tcp_send_reset tcp_receive_reset tcp_destroy_sock; do
	answers "any(.[]; .type == \"finding\" and .final and .cause == \"backend-not-listening\"
			and (.completeness.missing_probes | index(\"$point\")))" \
		"without $point" --force "$point=none"
done
answers 'map(select(.type == "finding")) | length == 0' "without inet_sock_set_state" \
	--force inet_sock_set_state=none --force connect=none --force kfree_skb=none
