# shellcheck shell=bash disable=SC2034
# A ClusterIP whose backend a rule denies: the rule sees the backend's address, the
# client only knows the ClusterIP, and the finding must know both. Backends: a pod
# on the same bridge (the rule is reached by br_netfilter) and one on another node,
# played by upstream.
variants() {
	local who
	for who in local remote from-node masquerade; do
		echo "$who-v4"
		echo "$who-v6"
	done
}
use "$VARIANT"
TITLE="a DROP rule between a ClusterIP and its backend (${VARIANT%-v*})"
DST=$CLUSTER DPORT=443 MIN_SECONDS=1
CLIENT_ARGS=(--timeout 1300) CLIENT_SAYS=TIMEOUT
CAUSE=filter-denied OUTCOME=unanswered MIN_CONFIDENCE=likely
BACKEND=$SERVER BACKEND_IN=upstream HOOK=forward
case $VARIANT in
local-*) BACKEND=${POD_IP[api]} BACKEND_IN=api ;;
from-node-*) FROM=node HOOK=output ;;
remote-v4) DEMO=5 ;;
esac
EXPECT='.drop.reason == "NETFILTER_DROP" and .drop.hook == "'$HOOK'" and .backend.port == 8443
	and .backend.ip == "'$BACKEND'"'
skip() {
	[[ $VARIANT != local-* ]] || [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] ||
		echo "no br_netfilter"
}
setup() {
	serve "$BACKEND_IN" "$BACKEND" 8443
	cluster_ip 443 "$BACKEND" 8443
	[[ $VARIANT != masquerade-* ]] || masquerade
	block iptables-nft "$HOOK" drop tcp "$BACKEND" 8443
}
