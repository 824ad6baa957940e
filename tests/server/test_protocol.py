"""Messages survive the wire, and nothing that comes over it does harm."""

from __future__ import annotations

import ast
import json
import string
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from server import protocol
from server.frames import decode, encode, job_of
from server.protocol import CLIENT_MESSAGES, SERVER_MESSAGES, TAG, Message, Picture
from server.submission import to_message, to_request
from stylecore import system
from stylecore.errors import ERRORS, Fault, ProtocolError, fault, filled
from stylecore.request import PaintRequest, Style
from stylecore.settings import Settings

#: A few thousand in all; benchmarks/fuzz.py makes as many as wanted.
MANY = settings(max_examples=1000, deadline=None)
JOBS = st.from_regex(r"[A-Za-z0-9_-]{1,64}", fullmatch=True)


@st.composite
def pictures(draw: st.DrawFn, channels: tuple[int, ...] = (3, 4)) -> Picture:
    width, height = draw(st.integers(1, 6)), draw(st.integers(1, 6))
    count, kind = draw(st.sampled_from(channels)), draw(st.sampled_from(["u8", "u16", "f32"]))
    size = width * height * count * protocol.SAMPLE_BYTES[kind]
    return Picture(width, height, count, kind, draw(st.binary(min_size=size, max_size=size)))


MAPS = st.none() | pictures(channels=(1,))


REQUESTS = st.builds(
    PaintRequest[Picture],
    pictures(),
    st.lists(st.builds(Style[Picture], pictures(), st.floats(0.01, 100), MAPS), min_size=1, max_size=4),
    st.builds(Settings, strength=st.floats(0, 100)),
    MAPS,
    MAPS,
    st.none() | pictures(),
)


@given(JOBS, REQUESTS, st.booleans(), st.sampled_from(["full", "preview"]), st.booleans(), st.integers(0, 1000))
def test_submit_round_trip(
    job: str, request: PaintRequest[Picture], anew: bool, until: str, previews: bool, keep: int
) -> None:
    request = replace(request, anew=anew and request.start is not None)
    sent = to_message(job, request, until=until, previews=previews, preview_every=0.5, keep_every=keep)
    received = decode(encode(sent, CLIENT_MESSAGES), CLIENT_MESSAGES)
    assert to_request(received) == request
    how = {"job": job, "until": until, "previews": previews, "preview_every": 0.5, "keep_every": keep}
    assert {name: received.fields[name] for name in how} == how


@given(JOBS, st.floats(0, 1), st.floats(0, 1e6), st.integers(1, 5000), st.integers(1, 5000))
def test_progress_round_trip(job: str, fraction: float, left: float, width: int, height: int) -> None:
    fields = {
        "job": job,
        "scale": 1,
        "scales": 3,
        "step": 2,
        "steps": 20,
        "fraction": fraction,
        "seconds_left": left,
        "known": left > 1,
        "losses": {"total": 0.5},
        "width": width,
        "height": height,
    }
    assert decode(encode(Message("progress", fields), SERVER_MESSAGES), SERVER_MESSAGES).fields == fields


def test_a_client_that_knows_of_no_start_picture_and_no_regions_is_understood() -> None:
    small = Picture(2, 2, 3, "u8", bytes(12))
    fields = {
        "type": "submit",
        "job": "a",
        "weights": [1.0],
        "guided": False,
        "settings": {},
        "until": "full",
        "previews": True,
        "preview_every": 1.0,
        "pictures": [[2, 2, 3, "u8"]] * 2,
    }
    received = decode([TAG, json.dumps(fields).encode(), small.data, small.data], CLIENT_MESSAGES)
    assert received.fields["start"] == "none" and len(received.pictures) == 2
    assert received.fields["style_guides"] == [] and received.fields["strength_map"] is False
    assert received.fields["keep_every"] == 0


def submission() -> list[bytes]:
    small = Picture(2, 2, 3, "u8", bytes(12))
    return encode(
        Message(
            "submit",
            {
                "job": "a",
                "weights": [1.0],
                "guided": False,
                "settings": {},
                "until": "full",
                "previews": True,
                "preview_every": 1.0,
            },
            (small, small),
        ),
        CLIENT_MESSAGES,
    )


@MANY
@given(st.lists(st.binary(max_size=200), max_size=6))
@example([])
@example([TAG])
@example([TAG, b"[" * 60000])
@example([TAG, b'{"a":' * 10000])
@example([TAG, b"1" * 5000])
@example([TAG, b'{"type":"heartbeat","sending":1' + b"0" * 5000 + b"}"])
@example([TAG, b'{"type":"heartbeat","sending":NaN}'])
@example([TAG, b'{"type":["heartbeat"],"pictures":{}}'])
@example([TAG, b"\xff\xfe"])
@example([b"neural-style/99", b"{}"])
def test_garbage_is_only_ever_a_protocol_error(frames: list[bytes]) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(frames, CLIENT_MESSAGES)
    assert caught.value.sentence and caught.value.remedy
    job_of(frames)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)


@MANY
@given(st.sampled_from(sorted({**CLIENT_MESSAGES, **SERVER_MESSAGES})), st.data())
def test_any_header_is_a_message_or_a_protocol_error(kind: str, data: st.DataObject) -> None:
    header: dict[str, Any] = {"type": kind, "pictures": data.draw(JSON)}
    for name in {**CLIENT_MESSAGES, **SERVER_MESSAGES}[kind]:
        header[name] = data.draw(JSON)
    for messages in (CLIENT_MESSAGES, SERVER_MESSAGES):
        try:
            decode([TAG, json.dumps(header).encode()], messages)
        except ProtocolError as error:
            assert error.code in ERRORS


@MANY
@given(st.integers(0, 3), st.data())
def test_a_damaged_submission_is_a_message_or_a_protocol_error(part: int, data: st.DataObject) -> None:
    frames = submission()
    frame = bytearray(frames[part])
    for _ in range(data.draw(st.integers(1, 4))):
        frame[data.draw(st.integers(0, len(frame) - 1))] = data.draw(st.integers(0, 255))
    frames[part] = bytes(frame[: data.draw(st.integers(0, len(frame)))])
    try:
        decode(frames, CLIENT_MESSAGES)
    except ProtocolError as error:
        assert error.sentence


@pytest.mark.parametrize(
    ("size", "code"),
    [
        ((0, 4, 3, "u8"), "bad-picture"),
        ((-1, 4, 3, "u8"), "bad-picture"),
        ((4, 4, 2, "u8"), "bad-picture"),
        ((4, 4, 3, "u32"), "bad-picture"),
        ((4.0, 4, 3, "u8"), "bad-picture"),
        ((True, 4, 3, "u8"), "bad-picture"),
        ((30_000, 30_000, 3, "u8"), "picture-too-large"),
        ((10**30, 10**30, 3, "u8"), "picture-too-large"),
        ((10**5000, 1, 3, "u8"), "picture-too-large"),
        ((20_000, 20_000, 4, "f32"), "picture-too-large"),
    ],
)
def test_impossible_pictures_are_refused_before_their_bytes_are_asked_for(size: Any, code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        Picture(*size, data=b"")
    assert caught.value.code == code


def test_a_picture_of_the_wrong_length_is_refused() -> None:
    with pytest.raises(ProtocolError, match="47 bytes of pixels where 48"):
        Picture(4, 4, 3, "u8", bytes(47))


def change(**fields: Any) -> list[bytes]:
    frames = submission()
    frames[1] = json.dumps({**json.loads(frames[1]), **fields}).encode()
    return frames


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"settings": {"strength": 1000}}, "bad-settings"),
        ({"settings": {"no-such": 1}}, "bad-settings"),
        ({"weights": []}, "too-many-styles"),
        ({"weights": [1.0] * 17}, "too-many-styles"),
        ({"weights": [0]}, "bad-settings"),
        ({"weights": [1, 1]}, "bad-message"),
        ({"guided": True}, "bad-message"),
        ({"until": "now"}, "bad-message"),
        ({"job": "../x"}, "bad-message"),
        ({"pictures": [[2, 2, 3, "u8"]]}, "bad-message"),
        ({"pictures": [[2, 2, 3, "u8"], [2, 3, 3, "u8"]]}, "bad-picture"),
        ({"start": "continue"}, "bad-message"),
        ({"start": "yes"}, "bad-message"),
        ({"style_guides": [True, False]}, "bad-message"),
        ({"style_guides": [True]}, "bad-message"),
        ({"style_guides": [1]}, "bad-message"),
        ({"strength_map": True}, "bad-message"),
        ({"keep_every": -1}, "bad-message"),
        ({"style_guides": [True], "pictures": [[2, 2, 3, "u8"]] * 3}, "bad-message"),
    ],
)
def test_a_submission_that_breaks_a_rule_says_which(fields: dict[str, Any], code: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        decode(change(**fields), CLIENT_MESSAGES)
    assert caught.value.code == code


def test_another_protocol_is_told_apart_from_garbage() -> None:
    with pytest.raises(ProtocolError) as caught:
        decode([b"neural-style/2", b"{}"], CLIENT_MESSAGES)
    assert caught.value.code == "version-mismatch"


def test_fields_of_newer_versions_are_left_out() -> None:
    assert "colour" not in decode(change(colour="red"), CLIENT_MESSAGES).fields


def gaps(key: str) -> dict[str, str]:
    """A value for each name in braces of an error's two texts."""
    return {name: f"<{name}>" for text in ERRORS[key] for _, name, _, _ in string.Formatter().parse(text) if name}


@pytest.mark.parametrize("key", ERRORS)
def test_every_error_fills_in_and_travels_whole(key: str) -> None:
    told = fault(key, **gaps(key))
    assert told.code == key.partition(":")[0] and told.sentence and "{" not in told.sentence + told.remedy
    assert all(f"<{name}>" in told.sentence + told.remedy for name in gaps(key))
    fields = decode(encode(Message("error", {"job": "a", **told._asdict()}), SERVER_MESSAGES), SERVER_MESSAGES).fields
    assert Fault(*(fields[name] for name in Fault._fields)) == told


def test_a_remedy_names_the_installer_of_the_computer_that_says_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(system, "INSTALLER", "install.cmd")
    told = fault("on-the-processor:unseen", "no driver")
    assert told.remedy.endswith("else run install.cmd --device=cuda.")
    monkeypatch.setattr(system, "INSTALLER", "./install.sh")  # of who reads it
    texts = ERRORS["on-the-processor:unseen"]
    assert filled(told.details, *texts) == (told.sentence, told.remedy)
    assert (
        "run ./install.sh --device" in filled({"case": "unseen", "detail": "no driver"}, *texts)[1]
    )  # of an older program


def test_every_error_is_raised_somewhere() -> None:
    root = Path(protocol.__file__).parent.parent
    paths = [path for each in ("stylecore", "server") for path in (root / each).rglob("*.py") if path.name != "errors.py"]
    nodes = [node for path in paths for node in ast.walk(ast.parse(path.read_text("utf-8")))]
    written = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    for key in ERRORS:  # fault("code:case") or fault(f"code:{case}")
        assert key in written or f"{key.partition(':')[0]}:" in written, key


def test_an_error_of_an_older_program_lacks_its_details() -> None:
    said = {"job": "a", "code": "queue-full", "sentence": "It is full.", "remedy": "Wait."}
    frames = encode(Message("error", {**said, "details": {}}), SERVER_MESSAGES)
    header = json.loads(bytes(frames[1]))
    del header["details"]
    fields = decode([frames[0], json.dumps(header).encode()], SERVER_MESSAGES).fields
    assert fields["details"] == {} and fields["sentence"] == "It is full."


@pytest.mark.parametrize(
    "details", [{"a": 1}, {"a b": "x"}, {"a": "x" * 3000}, {str(n): "" for n in range(40)}, "no", None]
)
def test_details_that_are_none_are_refused(details: Any) -> None:
    frames = encode(Message("error", {"job": "", **fault("not-started")._asdict()}), SERVER_MESSAGES)
    header = {**json.loads(bytes(frames[1])), "details": details}
    with pytest.raises(ProtocolError):
        decode([frames[0], json.dumps(header).encode()], SERVER_MESSAGES)
