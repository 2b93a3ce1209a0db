"""What a service manager does for socket activation: open sockets, hand them over, become the service.

    activate.py SOCKET... -- PROGRAM [ARGUMENT...]      SOCKET: NAME=TYPE:ADDRESS:PORT or NAME=unix:PATH
"""

import os
import socket
import sys

FIRST = 3


def opened(text):
    name, where = text.split("=", 1)
    kind, where = where.split(":", 1)
    if kind == "unix":
        one = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        one.bind(where)
    else:
        address, port = where.rsplit(":", 1)
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        one = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6 and name != "both":
            one.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        one.bind((address, int(port)))
    if kind != "udp":
        one.listen()
    return name, one


def main(words):
    middle = words.index("--")
    given = [opened(word) for word in words[:middle]]
    spare = [os.dup2(one.fileno(), 100 + i) for i, (_, one) in enumerate(given)]
    for i, fd in enumerate(spare):
        os.dup2(fd, FIRST + i)
    os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(given)),
                      LISTEN_FDNAMES=":".join(name for name, _ in given))
    os.execv(words[middle + 1], words[middle + 1:])


main(sys.argv[1:])
