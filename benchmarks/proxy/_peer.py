"""A peer process that echoes on one port and discards on two, with little CPU use."""

import json
import select
import socket
import sys


def peer() -> None:
    """Print the ports of an echo and of two sinks as JSON; serve until standard input closes."""
    poll = select.epoll()
    listeners = {}
    for kind in ("echo", "sink", "copying_sink"):
        sock = socket.create_server(("127.0.0.1", 0), backlog=4096)
        listeners[sock.fileno()] = (kind, sock)
        poll.register(sock.fileno(), select.EPOLLIN)
    sys.stdout.write(
        json.dumps({kind: sock.getsockname()[1] for kind, sock in listeners.values()}) + "\n"
    )
    sys.stdout.flush()
    poll.register(0, select.EPOLLIN | select.EPOLLHUP)
    open_sockets: dict[int, tuple[str, socket.socket]] = {}
    buffer = bytearray(1 << 22)
    while True:
        for fd, _ in poll.poll():
            if fd == 0:
                return
            if fd in listeners:
                kind, listener = listeners[fd]
                sock, _ = listener.accept()
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                open_sockets[sock.fileno()] = (kind, sock)
                poll.register(sock.fileno(), select.EPOLLIN)
                continue
            kind, sock = open_sockets[fd]
            if not _serve(kind, sock, buffer):
                poll.unregister(fd)
                del open_sockets[fd]
                sock.close()


def _serve(kind: str, sock: socket.socket, buffer: bytearray) -> bool:
    try:
        if kind == "echo":
            data = sock.recv(65536)
            sock.sendall(data)
            return bool(data)
        flags = socket.MSG_TRUNC if kind == "sink" else 0
        if sock.recv_into(buffer, 0 if flags else 1 << 18, flags):
            return True
        sock.send(b"!")  # tells the sender that everything has arrived
    except OSError:
        pass
    return False
