#!/usr/bin/env bash
# Without a word, and by words, whydrop traces what the cluster is, as that changes.
#
# Alone: the addresses are recorded, two of these would read each other's findings.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/shop/shop.sh"

# dialled: what clients go to, all of it refused at once
ADDRESSES=("10.96.154.129 80" "10.96.150.159 9090" "10.244.0.20 8443" "172.17.0.62 6443"
	"10.244.0.12 9090" "10.244.0.20 1" "10.244.0.30 1234" "10.224.0.5 9")
for address in "${ADDRESSES[@]}"; do
	# shellcheck disable=SC2086
	CLIENTS+="$(client frontend $address) & "
done

# traces WHAT WANTED OPTION…: exactly these addresses, of those that clients go to
traces() {
	local what=$1 wanted=$2 got
	shift 2
	shop_traced "$@" -- bash -c "$CLIENTS wait" >"$WORK/out" 2>"$WORK/err"
	got=$(ours "$WORK/out" '"\(.target.ip):\(.target.port)"' | jq -r . | sort -u | paste -sd' ')
	wanted=$(tr ' ' '\n' <<<"$wanted" | sort | paste -sd' ')
	[ "$got" = "$wanted" ] && got='' || got="'$got', not '$wanted'; $(grep ^whydrop "$WORK/err")"
	verdict "$what" "$got"
}

# says WHAT TEXT: on stderr of the trace before
says() {
	local got=''
	grep -qF -- "$2" "$WORK/err" || got="no '$2': $(head -c 300 "$WORK/err")"
	verdict "$1" "$got"
}

# fails_in NAME ADDRESS PORT: a client goes there; has it had a finding in that trace?
fails_in() {
	bash -c "$(client frontend "$2" "$3")" 2>/dev/null
	[ -n "$(ours "$WORK/$1.out" "select(.target.ip == \"$2\" and .target.port == $3)")" ]
}

trap shop_down EXIT
shop_up
shop_rules iptables-nft
snapshot=(--snapshot "$SHOP/api")
all="10.96.154.129:80 10.96.150.159:9090 10.244.0.20:8443 172.17.0.62:6443 10.244.0.12:9090"

traces "default, snapshot" "$all" "${snapshot[@]}"
says "default, snapshot: is said" "tracing connections to the API server"
traces "default, no API" "$all" --no-api
traces "api" "172.17.0.62:6443" "${snapshot[@]}" api
traces "svc/" "10.96.150.159:9090 10.244.0.12:9090" "${snapshot[@]}" svc/shop/cart
traces "pod/" "10.244.0.20:8443 10.244.0.20:1" "${snapshot[@]}" pod/payments/api-5f7b8c9d4-qq2zn
traces "names that nobody knows" "10.96.154.129:80" "${snapshot[@]}" svc/shop/nosuch pod/shop/nosuch svc/shop/orphan
says "names that nobody knows: are said" \
	"2 of the Services and pods that you named are not known (yet); the first: svc/shop/nosuch"

shop_traced "${snapshot[@]}" nosuch >"$WORK/out" 2>"$WORK/err"
[ $? = 2 ] && problem='' || problem="status is not 2"
verdict "a word that is none ends it" "$problem"
says "a word that is none is said" "nosuch"

# A Service that is made while whydrop runs, which its user has named before.
service=$(jq -c 'first(.items[] | select(.metadata.name == "orphan")) | .metadata.name = "later"
	| .metadata.uid = "00000000-0000-4000-8000-000000000001"
	| .spec.clusterIP = "10.96.77.77" | .spec.clusterIPs = ["10.96.77.77"]' "$SHOP/api/services.json")
api_up "$SHOP_FAR_IP"
follows() {
	local name=$1 problem=''
	shift
	shop_start "$name" --kubeconfig "$KUBECONFIG_FILE" "$@"
	# the word that stands for it, or the default, must have been resolved without it
	poll 8 grep -qE 'not known|tracing connections to the API' "$WORK/$name.err" || problem+="not resolved; "
	! fails_in "$name" 10.96.77.77 80 || problem+="traced before it was there; "
	api_put services "$service"
	poll 8 fails_in "$name" 10.96.77.77 80 || problem+="never traced; "
	got=$(ours "$WORK/$name.out" '[.target.service[]] | join("/")' | tail -n 1)
	[ "$got" = '"shop/later/http"' ] || problem+="its name is $got; "
	stop INT
	verdict "a Service that appears becomes a target, $*" \
		"${problem:+$problem$(grep ^whydrop "$WORK/$name.err")}"
}
follows by-name svc/shop/later

# ... and by the node's rules, which are read anew when something fails.
problem=''
shop_start rules --no-api
poll 8 grep -q 'tracing connections to the API' "$WORK/rules.err" || problem+="not resolved; "
! fails_in rules 10.96.77.79 80 || problem+="traced before it was there; "
in_netns shop-node iptables-nft -t nat -A KUBE-SERVICES -d 10.96.77.79/32 -p tcp -m comment \
	--comment "shop/rules:http cluster IP" -m tcp --dport 80 -j KUBE-SVC-RNBIIQBVO5OVCMGW
again() {
	fails_in rules 10.96.154.129 80
	fails_in rules 10.96.77.79 80
}
poll 20 again || problem+="never traced; "
stop INT
verdict "a Service that appears in the rules becomes a target" "$problem"

shop_rules none
traces "nothing known" "${ADDRESSES[*]// /:}" --no-api
says "nothing known: is said" "tracing connections to everybody"
