#!/usr/bin/env bash
# --pcap: the same as in `pcap`, with IPv6.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/capture.sh"

look v6
