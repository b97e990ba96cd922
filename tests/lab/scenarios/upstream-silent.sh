# shellcheck shell=bash disable=SC2034
# The SYN leaves the node, and nothing ever comes back: a firewall, NSG or route
# beyond. No local drop, no error; only silence, so it is a deduction.
variants() {
	local who
	for who in pod from-node masquerade; do
		echo "$who-v4"
		echo "$who-v6"
	done
}
use "$VARIANT"
TITLE="a server beyond the node that never answers (${VARIANT%-v*})"
DST=$SILENT DPORT=443 MIN_SECONDS=2
CLIENT_ARGS=(--timeout 1300) CLIENT_SAYS=TIMEOUT
CAUSE=upstream-silent OUTCOME=unanswered MAX_CONFIDENCE=possible
EXPECT='.drop == null and .attempts >= 2'
NEVER="filter-denied backend-not-listening no-route"
case $VARIANT in
from-node-*) FROM=node ;;
pod-v4) DEMO=6 ;;
esac
setup() {
	[[ $VARIANT != masquerade-* ]] || masquerade
}
