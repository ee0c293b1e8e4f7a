#!/usr/bin/env python3
"""Passes bytes between a port and a server on this machine, slowly or not for long.

    proxy.py PORT SERVERS-PORT DELAY CUT-AFTER

DELAY: seconds before each piece goes on to the server. CUT-AFTER: connections
end after so many bytes to the server; 0 lets them be.
"""

import socket
import sys
import threading
import time

PORT, SERVER = int(sys.argv[1]), int(sys.argv[2])
DELAY, CUT_AFTER = float(sys.argv[3]), int(sys.argv[4])


def carry(source, sink, delay, limit):
    passed = 0
    try:
        while piece := source.recv(16384):
            time.sleep(delay)
            passed += len(piece)
            if limit and passed > limit:
                break
            sink.sendall(piece)
    except OSError:
        pass
    for end in (source, sink):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass


with socket.socket() as door:
    door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    door.bind(("127.0.0.1", PORT))
    door.listen()
    while True:
        client, _ = door.accept()
        try:
            server = socket.create_connection(("127.0.0.1", SERVER))
        except OSError:
            client.close()
            continue
        threading.Thread(target=carry, args=(client, server, DELAY, CUT_AFTER), daemon=True).start()
        threading.Thread(target=carry, args=(server, client, 0, 0), daemon=True).start()
