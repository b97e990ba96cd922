#!/usr/bin/env bash
# --pcap: the packets behind each finding, in a file that tshark reads without a word; with
# the finding as comment, and without a byte of what the packets carry.
. "$LAB_SOURCE/check.sh"
. "$LAB_SOURCE/capture.sh"

look v4
