#!/usr/bin/env bash
# While the API server is cut off, whydrop goes on, says so, and knows what it knew; then it recovers.
#
# What whydrop fails to do itself is evidence for why others fail: its own connection goes the way
# of theirs.
#
# Alone: the addresses are recorded, two of these would read each other's findings.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/shop/shop.sh"

# about FILTER: of the findings so far, those that it selects, last first
about() {
	ours "$WORK/cut.out" "select($1)" | tac
}

# fails ADDRESS PORT FILTER: dial; has there been such a finding?
fails() {
	bash -c "$(client cart "$1" "$2" --timeout 1500)" 2>/dev/null
	[ -n "$(about "$3")" ]
}

# A rule that swallows what goes to the API server, from pods and from the node.
cut() {
	in_netns shop-node nft -f - <<-RULES
		table ip lab_cut {
			chain output { type filter hook output priority 10; ip daddr $SHOP_API_IP drop; }
			chain forward { type filter hook forward priority 10; ip daddr $SHOP_API_IP drop; }
		}
	RULES
}

heal() {
	in_netns shop-node nft delete table ip lab_cut
}

orphan='.target.service.name == "orphan"'
listed=".completeness.state_source.services == \"api\" and .client.pod.name == \"cart-0\""
kubernetes='.target.service.name == "kubernetes" and .target.api_server'
own='any(.evidence[]; .text | test("own connection to https://'$SHOP_API_IP':6443 failed"))'
age='.completeness.state_age_ms.services'

trap shop_down EXIT
shop_up
shop_rules iptables-nft
api_up "$SHOP_API_IP"
state=$WORK/state
shop_start cut --kubeconfig "$KUBECONFIG_FILE" --state "$state" api svc/shop/orphan
poll 10 fails 10.96.154.129 80 "$orphan and ($listed)" && problem='' || problem="no names from the API"
before=$(about "$orphan" | head -n 1 | jq "$age")
verdict "before: names come from the API" "$problem"

# Its process ends: connections are refused, at once.
api_down
poll 12 fails 10.96.0.1 443 "$kubernetes and .outcome == \"refused\" and ($own)" && problem='' ||
	problem="$(about "$kubernetes" | head -n 1)"
verdict "refused: a finding with whydrop's own failure as evidence" "$problem"

# A rule swallows everything: connections are not answered.
cut
poll 15 fails 10.96.0.1 443 "$kubernetes and .outcome == \"unanswered\" and ($own)" && problem='' ||
	problem="$(about "$kubernetes" | head -n 1)"
verdict "silent: a finding with whydrop's own failure as evidence" "$problem"

n=$(about "$orphan" | wc -l)
again() {
	fails 10.96.154.129 80 "$orphan"
	(($(about "$orphan" | wc -l) > n))
}
poll 5 again && problem='' || problem="no finding any more; "
last=$(about "$orphan" | head -n 1)
jq -e "$listed and .target.service.namespace == \"shop\"" <<<"$last" >/dev/null || problem+="names are lost: $last; "
jq -e "$age > ${before:-0} + 1000" <<<"$last" >/dev/null || problem+="age was $before, is $(jq "$age" <<<"$last")"
verdict "cut off: names stay, and grow old" "$problem"

heal
api_up "$SHOP_API_IP"
healed=$(date -u +%FT%T)
poll 40 grep -q 'services: answered again' "$WORK/cut.err" && problem='' || problem="services are not asked for again; "
# Nothing is newer than what a quiet watch told last: something must happen there.
api_put services "$(jq -c 'first(.items[] | select(.metadata.name == "orphan"))
	| .spec.ports[0].name = "renamed"' "$SHOP/api/services.json")"
poll 5 fails 10.96.154.129 80 "$orphan and ($listed) and .target.service.port == \"renamed\"
	and .time > \"$healed\" and $age < 5000" || problem+="$(about "$orphan" | head -n 1)"
verdict "healed: it recovers, and follows" "$problem"
stop INT

# What it knew is in its file, which nobody else may read; the next one uses it.
problem=''
[ "$(stat -c %a "$state")" = 600 ] || problem+="mode is $(stat -c %a "$state"); "
api_down
shop_traced --kubeconfig "$KUBECONFIG_FILE" --state "$state" svc/shop/orphan -- \
	bash -c "$(client cart 10.96.154.129 80)" >"$WORK/next.out" 2>"$WORK/next.err"
ours "$WORK/next.out" | jq -es 'last | .client.pod == {namespace: "shop", name: "cart-0"}
	and .target.service == {namespace: "shop", name: "orphan", port: "renamed"}
	and .completeness.state_source.services == "state" and .completeness.state_source.pods == "state"
	and .completeness.state_age_ms.services > 0' >/dev/null ||
	problem+="$(ours "$WORK/next.out") $(grep ^whydrop "$WORK/next.err")"
verdict "the next one knows it from the state file" "$problem"

chmod 666 "$state"
shop_traced --no-api --state "$state" svc/shop/orphan -- \
	bash -c "$(client cart 10.96.154.129 80)" >"$WORK/foreign.out" 2>"$WORK/foreign.err"
problem=''
grep -q 'last known state is not used' "$WORK/foreign.err" || problem+="nothing is said of it; "
ours "$WORK/foreign.out" | jq -es 'last.completeness.state_source | .services == "node" and .pods == null' \
	>/dev/null || problem+="$(ours "$WORK/foreign.out")"
verdict "a state file that others may write to is not believed" "$problem"
