# shellcheck shell=bash disable=SC2034
# Refused from beyond the node: by RST, or by an ICMP error, from a stranger that is no stack of
# this machine. Which of the two, by which device, and from whom, is what the hooks add.
variants() {
	local how who
	for how in rst icmp; do
		for who in pod masquerade from-node; do
			echo "$how-$who-v4"
			echo "$how-$who-v6"
		done
	done
}
use "$VARIANT"
HOW=${VARIANT%%-*}
DST=$SILENT DPORT=443 OPTIONS=(--packets)
TITLE="refused by a stranger beyond the node, with $HOW"
case $HOW in
rst)
	CAUSE=backend-not-listening OUTCOME=refused CLIENT_SAYS=ECONNREFUSED MIN_CONFIDENCE=likely
	MAX_CONFIDENCE=likely
	EXPECT='any(.evidence[]; .kind == "packet" and (.text | test("RST came in by eth0 .TTL 60")))'
	;;
icmp)
	CAUSE="filter-denied backend-unreachable" OUTCOME="refused unreachable"
	CLIENT_SAYS=EHOSTUNREACH MIN_CONFIDENCE=certain
	[[ $VARIANT != *v6 ]] || CLIENT_SAYS=EACCES
	EXPECT="(.summary | test(\"${DST//./\\\\.}.*beyond this node|beyond this node, at ${DST//./\\\\.}\"))"
	;;
esac
EXPECT+=' and (.path | any(.role == "uplink" and .direction == "in" and .'$HOW' >= 1)) and
	.where == "beyond this node: it came in by eth0"'
case $VARIANT in
*-from-node-*) FROM=node ;;
esac

setup() {
	stranger "$HOW"
	[[ $VARIANT != *-masquerade-* ]] || masquerade
}
