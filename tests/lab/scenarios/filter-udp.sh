# shellcheck shell=bash disable=SC2034
# UDP has no handshake to time out: a datagram that a rule drops is the whole story.
# At OUTPUT the sender itself is told (EPERM).
variants() {
	local tool
	for tool in iptables-legacy iptables-nft nft; do
		echo "$tool-forward-drop-v4"
		echo "$tool-forward-drop-v6"
	done
	echo nft-forward-reject-v4
	echo nft-forward-reject-v6
	echo nft-output-drop-v4
	echo nft-output-drop-v6
}
use "$VARIANT"
REST=${VARIANT%-*} VERDICT='' HOOK=''
VERDICT=${REST##*-} REST=${REST%-*}
HOOK=${REST##*-} TOOL=${REST%-*}
TITLE="a $TOOL rule at $HOOK: $VERDICT of UDP port 53"
PROTO=udp DST=$SERVER DPORT=53
CLIENT_ARGS=(--send 30 --expect 30 --io-timeout 1300)
CAUSE=filter-denied MIN_CONFIDENCE=likely
EXPECT='.drop.reason == "NETFILTER_DROP" and .drop.hook == "'$HOOK'"'
case $HOOK-$VERDICT in
forward-drop) CLIENT_SAYS=NO-ANSWER OUTCOME="dropped unanswered" MIN_SECONDS=1 ;;
forward-reject) CLIENT_SAYS=ECONNREFUSED OUTCOME=refused ;;
output-drop) FROM=node CLIENT_SAYS=EPERM OUTCOME="dropped failed" ;;
esac
setup() {
	serve upstream "$SERVER" 53 --udp
	block "$TOOL" "$HOOK" "$VERDICT" udp "$DST" 53
}
