# shellcheck shell=bash disable=SC2034
# The client itself aborts (SO_LINGER 0), as load generators and health checks do.
# It got what it wanted: not a failure.
TITLE="the client ends a good connection with RST"
DST=$SERVER DPORT=80 FINDINGS=0
CLIENT_ARGS=(--send 10 --expect 2 --close rst --count 50)
setup() {
	serve upstream "$SERVER" 80 --mode answer
}
