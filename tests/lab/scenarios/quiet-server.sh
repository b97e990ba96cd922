# shellcheck shell=bash disable=SC2034
# The server takes the request and does not answer; every byte is acknowledged. The
# application is slow, the network is not at fault: a finding would be false.
TITLE="the server accepts and reads, but does not answer"
DST=$SERVER DPORT=80 FINDINGS=0 MIN_SECONDS=2
CLIENT_ARGS=(--send 10 --expect 1 --io-timeout 1500)
CLIENT_SAYS=NO-ANSWER
setup() {
	serve upstream "$SERVER" 80 --mode hold
}
