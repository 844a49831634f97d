"""A Demitter client in Python, written from docs/protocol.md alone: the proof that the page is enough.

    python-client.py XSUB_ADDRESS XPUB_ADDRESS

It listens to the event `from-node` and, once that subscription is in force, prints `ready`. The first event of that
name it prints as one line of JSON. It then emits two events `from-python` in one batch and one `done` in another, and
ends when it has seen its own messages come back (and ignored them), which proves that the forwarder has sent them on.

Needs Debian's python3-zmq and python3-msgpack.
"""

import json
import secrets
import struct
import sys
import time

import msgpack
import zmq

VERSION, BATCH, PROBE, TAIL = 1, 1, 2, 4
NO_ELAPSED = 0xFFFFFFFF
HEADER = struct.Struct(">BBHIQQQQIQ")  # section 3


def string_topic(name: str) -> bytes:
    """Section 2, for names without U+0000."""
    return b"es" + name.encode("utf-8") + b"\0"


class Client:
    def __init__(self, xsub_address: str, xpub_address: str) -> None:
        context = zmq.Context()
        self.publisher = context.socket(zmq.PUB)
        self.subscriber = context.socket(zmq.SUB)
        # Section 1.1: by default libzmq drops messages and subscriptions over a thousand.
        self.publisher.sndhwm = 0
        self.subscriber.sndhwm = 0
        self.publisher.connect(xsub_address)
        self.subscriber.connect(xpub_address)
        self.id = secrets.randbits(53)
        self.round = 0
        self.sequence = 0
        self.topics = {}  # topic: (sequence of its last batch, events so far)

    def subscribe(self, name: str) -> None:
        self.subscriber.subscribe(string_topic(name))

    def ready(self) -> None:
        """Section 5: returns when everything subscribed to so far is in force."""
        self.round += 1
        topic = b"p%014x.%d\0" % (self.id, self.round)
        self.subscriber.subscribe(topic)
        probe = topic + HEADER.pack(VERSION, PROBE, 0, 1, self.id, self.round, 0, 0, 0, 0)
        wait_ms = 1
        while True:
            self.publisher.send(probe)
            if self.subscriber.poll(wait_ms):
                if self.subscriber.recv() == probe:
                    break
            wait_ms = min(wait_ms * 2, 500)
        self.subscriber.unsubscribe(topic)

    def emit(self, name: str, *payloads) -> None:
        """Sections 3.2 and 3.3: one batch."""
        topic = string_topic(name)
        now = time.monotonic()
        previous, position, last = self.topics.get(topic, (0, 0, None))
        elapsed = NO_ELAPSED if last is None else min(round((now - last) * 10_000), NO_ELAPSED)
        self.sequence += 1
        header = HEADER.pack(
            VERSION, BATCH, 0, len(payloads), self.id, self.sequence, previous, position, elapsed,
            time.time_ns() // 1000,
        )
        self.topics[topic] = (self.sequence, position + len(payloads), now)
        self.publisher.send(topic + header + b"".join(map(msgpack.packb, payloads)))

    def receive(self):
        """Section 6: the next batch, whoever sent it."""
        while True:
            message = self.subscriber.recv()
            topic, body = message[: message.index(0) + 1], message[message.index(0) + 1 :]
            if not topic.startswith(b"es"):
                continue
            version, kind, flags, count, publisher, sequence, previous, position, elapsed, _ = HEADER.unpack_from(body)
            if kind == TAIL:  # section 3.4: nothing to be received
                continue
            assert (version, kind) == (VERSION, BATCH) and flags & ~3 == 0
            unpacker = msgpack.Unpacker()
            unpacker.feed(body[HEADER.size :])
            payloads = list(unpacker)
            assert len(payloads) == count
            return {
                "name": topic[2:-1].decode("utf-8"),
                "own": publisher == self.id,
                "publisher": "%014x" % publisher,
                "sequence": sequence,
                "previous": previous,
                "position": position,
                "payloads": payloads,
            }


def show(value):
    """What JSON does not have, for the line that is printed. An extension is a pair, type and body, by itself."""
    if isinstance(value, msgpack.Timestamp):
        return {"timestamp": value.to_unix_nano() // 1_000_000}
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    raise TypeError(repr(value))


def main() -> None:
    client = Client(sys.argv[1], sys.argv[2])
    client.subscribe("from-node")
    client.subscribe("done")
    client.ready()
    print("ready", flush=True)

    received = client.receive()
    print(json.dumps(received, default=show), flush=True)

    undefined = msgpack.ExtType(0x00, b"\0")
    a_set = msgpack.ExtType(0x53, msgpack.packb(["a", "b"]))
    client.emit(
        "from-python",
        {"text": "grüße", "big": 2**40, "half": 0.5, "bytes": b"\x01\x02", "none": None},
        [undefined, a_set, msgpack.Timestamp.from_unix_nano(1_700_000_000_123_000_000)],
    )
    client.emit("done", True)
    while not client.receive()["own"]:
        pass
    client.publisher.close()
    client.subscriber.close()


if __name__ == "__main__":
    main()
