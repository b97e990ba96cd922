#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""
The last steps of a container runtime, in its order: change the root, drop every capability
that the container does not add, no_new_privs, exec. setpriv(1) cannot do it: chroot(2)
takes a capability that is then gone, and afterwards there is no setpriv.

usage: enter.py ROOT CAPS NAME=VALUE… -- COMMAND…     CAPS: "BPF,PERFMON" or ""
"""
import ctypes
import os
import sys

# include/uapi/linux/capability.h
NUMBERS = {"DAC_READ_SEARCH": 2, "NET_ADMIN": 12, "NET_RAW": 13, "SYS_PTRACE": 19, "SYSLOG": 34,
           "PERFMON": 38, "BPF": 39}
PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 24, 38
CAPABILITY_VERSION_3 = 0x20080522

libc = ctypes.CDLL(None, use_errno=True)


def checked(what, result):
    if result:
        sys.exit(f"enter.py: {what}: {os.strerror(ctypes.get_errno())}")


def last_capability():
    with open("/proc/sys/kernel/cap_last_cap", encoding="ascii") as f:
        return int(f.read())


def limit_to(mask, last):
    for number in range(last + 1):
        if not mask >> number & 1:
            checked("PR_CAPBSET_DROP", libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0))
    header = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION_3, 0)
    words = [mask & 0xFFFFFFFF, mask >> 32]
    # two of effective, permitted, inheritable; runtimes leave the last empty
    data = (ctypes.c_uint32 * 6)(words[0], words[0], 0, words[1], words[1], 0)
    checked("capset", libc.capset(ctypes.byref(header), ctypes.byref(data)))


def main():
    split = sys.argv.index("--")
    root, caps = sys.argv[1:3]
    env = dict(pair.split("=", 1) for pair in sys.argv[3:split])
    command = sys.argv[split + 1:]
    mask = sum(1 << NUMBERS[name] for name in caps.split(",") if name)
    last = last_capability()  # below ROOT Python finds nothing of its own any more
    os.chroot(root)
    os.chdir("/")
    os.setgroups([])
    limit_to(mask, last)
    checked("PR_SET_NO_NEW_PRIVS", libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
    try:
        os.execvpe(command[0], command, env)
    except OSError as e:
        sys.exit(f"enter.py: {command[0]}: {e.strerror}")


main()
