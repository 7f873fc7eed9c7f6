"""Messages arrive whole, in order and once, however the socket cuts them."""

import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cyclone_core.wire import Channel, Closed, connect, encode, peer_uid

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.binary(max_size=30) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.tuples(inner, inner) | st.dictionaries(st.integers(), inner, max_size=3),
    max_leaves=8,
)
messages = st.lists(st.tuples(st.text(max_size=8), values), max_size=6)


@pytest.fixture
def pair() -> Iterator[tuple[Channel, socket.socket]]:
    """A non-blocking channel and the bare other end."""
    here, there = socket.socketpair()
    yield Channel(here), there
    here.close()
    there.close()


@settings(max_examples=50, deadline=None)
@given(messages, st.lists(st.integers(1, 40), max_size=30))
def test_any_split_yields_the_same_messages(sent: list, cuts: list[int]) -> None:
    """Byte by byte or all at once, to a channel that polls and to one that waits."""
    stream = b"".join(map(encode, sent))
    pieces, at = [], 0
    for cut in [*cuts, len(stream)]:
        pieces.append(stream[at : at + cut])
        at += cut
    for blocking in (False, True):
        here, there = socket.socketpair()
        with here, there:
            channel, found = Channel(here, blocking), []
            for piece in filter(None, pieces):
                there.sendall(piece)
                found += [] if blocking else channel.receive()
            found += [channel.next() for _ in sent] if blocking else []
            assert found == sent


def test_nothing_to_read_is_no_message(pair: tuple[Channel, socket.socket]) -> None:
    """A polling channel does not wait."""
    assert pair[0].receive() == []


def test_what_the_socket_does_not_take_follows_in_order(pair: tuple[Channel, socket.socket]) -> None:
    """A slow reader gets everything, once."""
    channel, there = pair
    sent = [("n", number, b"x" * 50_000) for number in range(40)]
    done = [channel.send(message) for message in sent]
    assert done[0]
    assert not done[-1]
    reader, found = Channel(there), []
    while len(found) < len(sent):
        found += reader.receive()
        channel.flush()
    assert found == sent
    assert channel.flush()


def test_the_end_of_the_other_end_is_told(pair: tuple[Channel, socket.socket]) -> None:
    """To who reads and to who writes; whole messages before it are not lost."""
    channel, there = pair
    there.sendall(encode(("last",)) + b"\x09")
    there.close()
    assert channel.receive() == [("last",)]
    with pytest.raises(Closed):
        channel.receive()
    with pytest.raises(Closed):
        channel.send(("too late",))
    channel.close()
    channel.close()


def test_a_question_gets_its_answer(pair: tuple[Channel, socket.socket]) -> None:
    """`ask` waits; a connection that ends instead of answering is told."""
    channel, there = pair
    channel.sock.setblocking(True)
    other = Channel(there, blocking=True)
    answering = threading.Thread(target=lambda: other.sock.sendall(encode(("answer", other.next()[0]))))
    answering.start()
    assert channel.ask(("question",)) == ("answer", "question")
    answering.join()
    there.close()
    with pytest.raises((Closed, OSError)):
        channel.ask(("again",))


def test_the_peer_is_known(tmp_path: Path) -> None:
    """Who listens belongs to us; nobody listening is an error."""
    path = os.path.join(os.environ["CYCLONE_RUNTIME_DIR"], "s")
    with pytest.raises(FileNotFoundError):
        connect(path)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        ours = connect(path)
        assert peer_uid(ours) == os.geteuid()
        ours.close()
    with pytest.raises(ConnectionRefusedError):
        connect(path)
