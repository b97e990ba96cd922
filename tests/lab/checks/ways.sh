#!/usr/bin/env bash
# Every way to attach that this kernel offers gives the same answer, and an answer without
# a probe says which one is missing and is no surer for it.
. "$LAB_SOURCE/check.sh"

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

# The points that have a way, as this kernel answers; those that nobody needs here apart.
traced probes -o json >"$WORK/probes"
for way in fentry tp_btf raw_tp kprobe tracepoint; do
	mapfile -t points < <(jq -r --arg way $way 'select(.not_needed | not) |
		select(any(.ways[]; .way == $way and .works)) | .point' "$WORK/probes")
	if [ ${#points[@]} = 0 ]; then
		# the kernel's own answer, for who reads the log
		why=$(jq -rs --arg way $way 'first(.[].ways[] | select(.way == $way)).error' "$WORK/probes")
		verdict "no point by $way here: ${why:0:90}" \
			"$(jq -rs --arg way $way '[.[] | .ways[] | select(.way == $way and .works)] |
				select(length > 0)' "$WORK/probes")"
		continue
	fi
	forced=()
	for point in "${points[@]}"; do
		forced+=(--force "$point=$way")
	done
	answers 'any(.[]; .type == "finding" and .cause == "backend-not-listening"
			and .confidence == "certain" and .client.process.comm == "peer")
		and (map(select(.type == "start"))[0].probes |
			all(. as $p | (("'"${points[*]}"'" / " ") | index($p.point) | not)
				or $p.way == "'$way'"))' \
		"${#points[@]} points by $way" "${forced[@]}"
done
for point in kfree_skb tcp_send_reset tcp_receive_reset tcp_destroy_sock; do
	answers "any(.[]; .type == \"finding\" and .final and .cause == \"backend-not-listening\"
			and (.completeness.missing_probes | index(\"$point\")))" \
		"without $point" --force "$point=none"
done
answers 'map(select(.type == "finding")) | length == 0' "without inet_sock_set_state" \
	--force inet_sock_set_state=none --force tcp_connect=none --force connect=none \
	--force kfree_skb=none
