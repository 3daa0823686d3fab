"""Runs a program as the first process of a pseudo terminal.

    in_terminal.py FILE PROGRAM [ARGUMENT...]

FILE gets the number of the process that holds the other side of the terminal. The terminal closes when that process ends.
"""

import fcntl
import os
import sys
import termios

file, *command = sys.argv[1:]
master, terminal = os.openpty()
holder = os.fork()
if holder == 0:
    os.close(terminal)
    try:
        while os.read(master, 65536):
            pass
    except OSError:
        pass  # All processes of the terminal have ended.
    os._exit(0)
os.close(master)
with open(file, "w") as out:
    out.write(str(holder))
os.setsid()
fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)
for stream in range(3):
    os.dup2(terminal, stream)
os.execvp(command[0], command)
