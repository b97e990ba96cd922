# shellcheck shell=bash disable=SC2034
# Blocking connect(): the errors and the give-up come out of the system call itself
# instead of a later poll, another way through the kernel.
variants() { echo refused dropped rejected | tr ' ' '\n'; }
TITLE="a blocking connect() that is $VARIANT"
DST=$SERVER DPORT=80
CLIENT_ARGS=(--blocking --timeout 1300)
MIN_CONFIDENCE=likely
case $VARIANT in
refused) CLIENT_SAYS=ECONNREFUSED CAUSE=backend-not-listening OUTCOME=refused ;;
dropped) CLIENT_SAYS=TIMEOUT CAUSE=filter-denied OUTCOME=unanswered MIN_SECONDS=1 ;;
rejected) CLIENT_SAYS=ECONNREFUSED CAUSE=filter-denied OUTCOME=refused ;;
esac
setup() {
	case $VARIANT in
	dropped) block nft forward drop tcp "$DST" 80 ;;
	rejected) block nft forward reject tcp "$DST" 80 ;;
	esac
}
