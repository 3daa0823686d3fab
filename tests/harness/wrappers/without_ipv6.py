"""Runs a program as on a machine whose kernel has no IPv6 (`ipv6.disable=1`): the system refuses all sockets of that family.

    without_ipv6.py PROGRAM [ARGUMENT...]
"""

import ctypes
import errno
import os
import platform
import socket
import struct
import sys

PR_SET_SECCOMP, PR_SET_NO_NEW_PRIVS, SECCOMP_MODE_FILTER = 22, 38, 2
LOAD_WORD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000 | errno.EAFNOSUPPORT
# The number of the system call `socket`.
SOCKET = {"x86_64": 41, "aarch64": 198}[platform.machine()]

# Instructions of the filter: code, jump if true, jump if false, value. Of the filtered data, byte 0 is the number of the system call
# and byte 16 its first argument.
FILTER = [
    (LOAD_WORD, 0, 0, 0),
    (JUMP_IF_EQUAL, 0, 3, SOCKET),
    (LOAD_WORD, 0, 0, 16),
    (JUMP_IF_EQUAL, 0, 1, socket.AF_INET6),
    (RETURN, 0, 0, FAIL),
    (RETURN, 0, 0, ALLOW),
]


class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]


code = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *line) for line in FILTER))
program = Program(len(FILTER), ctypes.addressof(code))
libc = ctypes.CDLL(None, use_errno=True)
for arguments in [(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)]:
    if libc.prctl(*arguments):
        sys.exit(f"the system refuses a filter of system calls: {os.strerror(ctypes.get_errno())}")
os.execvp(sys.argv[1], sys.argv[1:])
