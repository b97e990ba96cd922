# shellcheck shell=bash disable=SC2034
# Rules where one does not look first: before routing, after routing, a chain's
# policy instead of a rule, and the answer instead of the request.
variants() {
	local place
	for place in raw-prerouting mangle-postrouting policy answer-forward answer-input jump; do
		echo "$place-v4"
		echo "$place-v6"
	done
}
use "$VARIANT"
DST=$SERVER DPORT=80 MIN_SECONDS=1
CLIENT_ARGS=(--timeout 1300) CLIENT_SAYS=TIMEOUT
CAUSE=filter-denied OUTCOME=unanswered MIN_CONFIDENCE=likely
case $VARIANT in
raw-*) HOOK=prerouting TITLE="a DROP rule in the raw table" ;;
mangle-*) HOOK=postrouting TITLE="a DROP rule in mangle POSTROUTING" ;;
policy-*) HOOK=forward TITLE="an nft chain whose policy is drop" ;;
answer-forward-*) HOOK=forward TITLE="a rule that drops the answer (SYN-ACK) at FORWARD" ;;
answer-input-*) HOOK=input FROM=node TITLE="a rule that drops the answer (SYN-ACK) at INPUT" ;;
jump-*) HOOK=forward TITLE="a DROP rule in a chain of its own, entered by a jump" ;;
esac
EXPECT='.drop.reason == "NETFILTER_DROP" and .drop.hook == "'$HOOK'"'
setup() {
	serve upstream "$SERVER" 80
	case $VARIANT in
	raw-*) rule iptables-legacy raw PREROUTING -d "$DST" -p tcp --dport 80 -j DROP ;;
	mangle-*) rule iptables-nft mangle POSTROUTING -d "$DST" -p tcp --dport 80 -j DROP ;;
	policy-*)
		nft_chain forward filter drop
		nft_rule forward tcp dport != 80 accept
		;;
	answer-forward-*) rule iptables-legacy filter FORWARD -s "$DST" -p tcp --sport 80 -j DROP ;;
	answer-input-*)
		nft_chain input filter
		nft_rule input tcp sport 80 counter drop
		;;
	jump-*)
		ipt iptables-legacy -N LAB-DENY
		undo ipt iptables-legacy -X LAB-DENY
		rule iptables-legacy filter LAB-DENY -p tcp --dport 80 -j DROP
		rule iptables-legacy filter FORWARD -d "$DST" -j LAB-DENY
		;;
	esac
}
