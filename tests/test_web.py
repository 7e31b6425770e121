"""The doors of the server: who may enter, what is answered, and that nothing makes them fall off their hinges."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient, WebSocketDenialResponse
from starlette.websockets import WebSocketDisconnect

from ae_core import frames, web
from ae_core.engine.client import Client
from ae_core.errors import SpecError
from ae_core.frames import decode
from ae_core.probes.questions import TakeAway, probe_id
from ae_core.script import python_lines
from ae_core.settings import Limits, Settings
from ae_core.spec import RunSpec, changed
from ae_core.store import Store
from ae_core.stream import Hub
from tests.strategies import specs
from tests.writer import Writer

ROOMY = Limits(
    active_per_client=10**6,
    active_total=10**6,
    active_parameters=10**12,
    runs_per_client=10**6,
    parameters=10**9,
    batch_numbers=10**9,
    seconds=10**6,
)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    made = Store(f"sqlite:///{tmp_path_factory.mktemp('store')}/lab.db")
    made.create()
    yield made
    made.close()


def server(store: Store, limits: Limits = ROOMY, most_viewers: int = 10) -> Starlette:
    async def echo(request: Request) -> JSONResponse:
        return JSONResponse(dict(request.cookies))

    client = Client(store, Settings(Path(), store.url, limits=limits))
    routes = web.routes(store, client, Hub(store, most_viewers=most_viewers, fast=0.01))
    return Starlette(routes=[*routes, Route("/page", echo)], middleware=web.middleware())


@pytest.fixture(scope="module")
def app(store: Store) -> Starlette:
    return server(store)


@pytest.fixture
def visitor(app: Starlette) -> Iterator[TestClient]:
    """A browser of its own."""
    with TestClient(app) as client:
        yield client


@pytest.fixture
def writer(store: Store, visitor: TestClient) -> Writer:
    """A run of this visitor that has trained a little."""
    visitor.get("/page")
    made = Writer(store, owner=visitor.cookies[web.COOKIE])
    made.begin()
    made.train(3, picture=True)
    return made


def refused(response: Any, status: int) -> str:
    """The sentence of a refusal."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.json().keys() == {"error"}
    assert response.json()["error"].endswith(".")
    return response.json()["error"]


# ---------------------------------------------------------------------------------------------- cookie and headers


def test_the_first_response_names_the_client(visitor: TestClient) -> None:
    """A browser without the cookie gets it at once, hidden from scripts and from other sites."""
    given = visitor.get("/page").headers["set-cookie"]

    assert given.startswith("latent_lab_client=")
    assert {"HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=31536000"} <= set(given.split("; "))
    assert "set-cookie" not in visitor.get("/page").headers


def test_the_first_request_already_knows_its_client(visitor: TestClient) -> None:
    """What handles the very first request reads the same cookie that the browser is being given."""
    answer = visitor.get("/page")

    assert answer.json()["latent_lab_client"] == visitor.cookies["latent_lab_client"]
    assert visitor.get("/page").json() == answer.json()


def test_a_damaged_cookie_is_replaced(app: Starlette) -> None:
    """A name that we cannot have given is not believed."""
    for bad in ("", "short", "x" * 65, "a b c d e f g h i j", "<script>alert(1)</script>"):
        with TestClient(app, headers={"cookie": f"other=1; latent_lab_client={bad}"}) as client:
            answer = client.get("/page")
            assert answer.json()["latent_lab_client"] != bad
            assert answer.json()["latent_lab_client"] in answer.headers["set-cookie"]
            assert answer.json()["other"] == "1"


def test_over_tls_the_cookie_is_secure(app: Starlette) -> None:
    """A cookie given over https never travels over http."""
    assert "Secure" in TestClient(app, base_url="https://lab.example").get("/page").headers["set-cookie"]


def test_a_websocket_gets_the_cookie_too(visitor: TestClient, store: Store) -> None:
    """A viewer that comes without a cookie is given one with the handshake."""
    writer = Writer(store)
    with visitor.websocket_connect(f"/live/{writer.id}") as socket:
        assert any(name == b"set-cookie" for name, _value in socket.extra_headers)


@pytest.mark.parametrize("path", ["/page", "/api/health", "/api/nothing", "/nothing"])
def test_every_response_is_guarded(visitor: TestClient, path: str) -> None:
    """Types are not guessed, other sites learn no address and frame no page."""
    headers = visitor.get(path).headers

    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "same-origin"
    assert headers["x-frame-options"] == "SAMEORIGIN"
    assert "frame-ancestors 'self'" in headers["content-security-policy"]


# ---------------------------------------------------------------------------------------------------------- origin


OURS = ("http://testserver", "http://testserver:80", "http://TESTSERVER")
FOREIGN = (
    "http://evil.example",
    "https://testserver",
    "http://testserver:8080",
    "http://testserver.evil.example",
    "null",
    "file://",
    "http://[",
    "http://testserver:99999",
    "",
)


@pytest.mark.parametrize("origin", OURS)
def test_our_own_pages_may_post_and_watch(visitor: TestClient, store: Store, origin: str) -> None:
    """The Origin of our own address is let in, however it is written."""
    assert visitor.post("/api/runs", json={}, headers={"origin": origin}).status_code == 201
    with visitor.websocket_connect(f"/live/{Writer(store).id}", headers={"origin": origin}) as socket:
        assert decode(socket.receive_bytes())[0]["full"]


@pytest.mark.parametrize("origin", FOREIGN)
def test_other_sites_may_neither_post_nor_watch(visitor: TestClient, writer: Writer, origin: str) -> None:
    """A foreign Origin is refused before anything is done; reading stays open, browsers guard that themselves."""
    headers = {"origin": origin}

    refused(visitor.post("/api/runs", json={}, headers=headers), 403)
    refused(visitor.post(f"/api/runs/{writer.id}/commands", json={"command": "stop"}, headers=headers), 403)
    with (
        pytest.raises((WebSocketDisconnect, WebSocketDenialResponse)),
        visitor.websocket_connect(f"/live/{writer.id}", headers=headers),
    ):
        pass
    assert visitor.get("/api/health", headers=headers).status_code == 200


# ------------------------------------------------------------------------------------------------------------- API


def test_health_tells_of_the_engine(visitor: TestClient) -> None:
    """Whether the server answers, whether the engine is up, and the version."""
    assert visitor.get("/api/health").json() == {"status": "ok", "engine": "down", "version": web.VERSION}


def test_a_run_is_told_in_full(visitor: TestClient, writer: Writer) -> None:
    """Spec, status, place, last terms, metrics and error, and never whose cookie it belongs to."""
    writer.train(1, measured=False)
    answer = visitor.get(f"/api/runs/{writer.id}")
    run = answer.json()

    assert RunSpec.model_validate(run["spec"]) == RunSpec()
    assert (run["status"], run["step"], run["epoch"], run["error"]) == ("running", 4, 0.4, "")
    assert run["terms"]["train"]["mse"] == 0.125
    assert run["terms"]["val"]["mse"] == pytest.approx(0.5 / 3)
    assert run["mine"] is True
    assert visitor.cookies[web.COOKIE] not in answer.text


def test_the_last_metrics_are_told(visitor: TestClient, writer: Writer) -> None:
    """A finished run holds its metrics among its events."""
    writer.finish()
    last = visitor.get(f"/api/runs/{writer.id}/events").json()[-1]

    assert last["kind"] == "finished"
    assert last["metrics"] == {"val_mse": 0.25}
    assert visitor.get(f"/api/runs/{writer.id}").json()["status"] == "finished"


def test_events_come_after_the_one_you_have(visitor: TestClient, writer: Writer) -> None:
    """Following `after` gives every event once and in order."""
    whole = visitor.get(f"/api/runs/{writer.id}/events").json()

    assert [event["seq"] for event in whole] == [1, 2, 3, 4]
    assert [event["kind"] for event in whole] == ["started", "progress", "progress", "progress"]
    assert {"step", "epoch", "seconds"} <= whole[0].keys()
    assert visitor.get(f"/api/runs/{writer.id}/events?after=3").json() == whole[3:]
    assert visitor.get(f"/api/runs/{writer.id}/events?after=999999999").json() == []


@pytest.mark.parametrize("after", ["-1", "x", "", "1.5", "9" * 40, "%00", "²"])
def test_a_wrong_number_of_an_event_is_refused(visitor: TestClient, writer: Writer, after: str) -> None:
    """`after` is a whole number from 0 up."""
    refused(visitor.get(f"/api/runs/{writer.id}/events?after={after}"), 422)


@pytest.mark.parametrize("run", ["nothing", "x" * 300, "%00", "%F0%9F%92%A9", "'; drop table runs --", "..%2f.."])
@pytest.mark.parametrize("rest", ["", "/events", "/files/script.py"])
def test_unknown_runs_are_not_found(visitor: TestClient, run: str, rest: str) -> None:
    """Whatever stands in the place of a run's id, the answer is a sentence."""
    refused(visitor.get(f"/api/runs/{run}{rest}"), 404)


def test_unknown_addresses_and_methods(visitor: TestClient, writer: Writer) -> None:
    """Everything under /api answers in JSON, also what is not there."""
    for path in ("/api/", "/api/nothing", "/api/runs/", "/api/health/", f"/api/runs/{writer.id}/files/model.pickle"):
        refused(visitor.get(path), 404)
    for method, path in (("GET", "/api/runs"), ("DELETE", "/api/health"), ("PUT", f"/api/runs/{writer.id}")):
        response = visitor.request(method, path)
        refused(response, 405)
        assert response.headers["allow"]


def test_a_run_begins_with_the_defaults(visitor: TestClient) -> None:
    """Missing settings take their defaults, given ones are kept, and the run is the sender's."""
    answer = visitor.post("/api/runs", json={"training": {"epochs": 3}, "data": {"kind": "wine"}})
    run = visitor.get(f"/api/runs/{answer.json()['id']}").json()

    assert answer.status_code == 201
    assert (run["status"], run["mine"]) == ("queued", True)
    assert run["spec"]["training"]["epochs"] == 3
    assert run["spec"]["data"]["kind"] == "wine"
    assert run["spec"]["model"] == RunSpec().model.model_dump(mode="json")


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"1",
    b'"text"',
    b"{",
    b"{}{}",
    b"\xff\xfe{}",
    b"\xef\xbb\xbf{}",
    b"\x00",
    b'{"training": {"epochs": NaN}}',
    b'{"training": {"max_seconds": Infinity}}',
    b'{"training": {"max_seconds": 1e999}}',
    b'{"training": {"seed": 1e400}}',
    b'{"training": {"epochs": ' + b"9" * 5000 + b"}}",
    b'{"training": {"epochs": ' + b"9" * 18 + b"}}",
    b'{"training": {"epochs": 5}, "training": {"epochs": 6}}',
    b'{"training": {"epochs": 5, "epochs": 6}}',
    b'{"\\ud800": 1}',
    b'{"data": {"kind": "\\udfff"}}',
    b'{"data": {"kind": "digits\\u0000"}}',
    b'{"data": {"kind": {"a": 1}}}',
    b'{"data": {"kind": ["digits"]}}',
    b'{"data": null}',
    b'{"data": {"kind": "nothing"}}',
    b'{"model": {"hidden": [1.5]}}',
    b'{"model": {"hidden": {"0": 5}}}',
    b'{"model": {"hidden": [[[[[[[[[[1]]]]]]]]]]}}',
    b'{"model": {"hidden": [0]}}',
    b'{"model": {"hidden": [8, 8, 8, 8, 8, 8, 8]}}',
    b'{"model": {"activation": "' + b"x" * 50_000 + b'"}}',
    b'{"' + b"x" * 50_000 + b'": 1}',
    b'{"a":' * 2000 + b"1" + b"}" * 2000,
    b"[" * 60_000,
    b'{"a":' + b"[" * 900 + b"]" * 900 + b"}",
    b'{"title": "mine"}',
    b'{"__proto__": {}}',
]


@pytest.mark.parametrize("body", HOSTILE, ids=lambda body: repr(body[:50]))
def test_hostile_bodies_are_refused(visitor: TestClient, writer: Writer, body: bytes) -> None:
    """Each is answered by a short sentence, as a spec and as a command."""
    assert len(refused(visitor.post("/api/runs", content=body), 422)) <= 2000
    refused(visitor.post(f"/api/runs/{writer.id}/commands", content=body), 422)


def test_a_body_is_small(visitor: TestClient) -> None:
    """More than 64 kB is refused, with a declared length or without."""
    body = b'{"a": "' + b"x" * 70_000 + b'"}'

    assert "64 kB" in refused(visitor.post("/api/runs", content=body), 413)
    refused(visitor.post("/api/runs", content=iter([body[:40_000], body[40_000:]])), 413)


@given(specs())
@settings(max_examples=100)
def test_any_spec_starts_or_is_refused(app: Starlette, spec: RunSpec) -> None:
    """Every spec within its bounds gives a run, or a sentence about choices that exclude each other."""
    answer = TestClient(app).post("/api/runs", content=spec.model_dump_json())

    assert answer.status_code == 201 or refused(answer, 422)


ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 0.5, 1e9, -1e308, 10**17, "", "1", "nan", "digits", "mlp", "ⵣ\u202e", "\x00", [], {},
    [1], [-1], [10**9], [64] * 50, [None], {"kind": "mlp"}, {"kind": "variational", "beta": 1001}, {"kind": None},
)  # fmt: skip


def spoiled(chance: random.Random) -> Any:
    """A spec's JSON with one to four odd changes somewhere in it."""
    tree: Any = copy.deepcopy(RunSpec().model_dump(mode="json"))
    for _ in range(chance.randint(1, 4)):
        node: Any = tree
        while True:
            key = chance.choice([*node, "unknown"])
            if isinstance(node.get(key), dict) and node[key] and chance.random() < 0.8:
                node = node[key]
                continue
            if chance.random() < 0.15:
                node.pop(key, None)
            else:
                node[key] = copy.deepcopy(chance.choice(ODD))
            break
    return tree


def test_two_hundred_spoiled_specs(app: Starlette) -> None:
    """Any change to a spec ends in a run or in a sentence, never in an error of the server."""
    chance = random.Random(2026)
    answers = [TestClient(app).post("/api/runs", content=json.dumps(spoiled(chance))) for _ in range(200)]

    assert {answer.status_code for answer in answers} == {201, 422}
    for answer in answers:
        assert answer.status_code == 201 or refused(answer, 422)


def test_too_many_runs_are_refused(store: Store) -> None:
    """A limit answers 429 and names the variable that raises it."""
    with TestClient(server(store, Limits(active_per_client=1))) as visitor:
        assert visitor.post("/api/runs", json={}).status_code == 201
        assert "LATENT_LAB_LIMIT_ACTIVE_PER_CLIENT" in refused(visitor.post("/api/runs", json={}), 429)


def test_the_owner_commands(visitor: TestClient, store: Store, writer: Writer) -> None:
    """Each command of the owner is accepted and written down for the worker."""
    address = f"/api/runs/{writer.id}/commands"
    for body in ({"command": "pause"}, {"command": "step"}, {"command": "set", "learning_rate": 0.5}):
        assert visitor.post(address, json=body).status_code == 202
    written = [(command.verb, command.argument) for command in store.pending_commands() if command.run == writer.id]

    assert written == [("pause", None), ("step", 1.0), ("set", 0.5)]


def test_a_stranger_looks_and_does_not_touch(app: Starlette, writer: Writer) -> None:
    """Another browser reads the run, and is refused every command."""
    with TestClient(app) as stranger:
        assert stranger.get(f"/api/runs/{writer.id}").json()["mine"] is False
        for verb in ("pause", "resume", "step", "stop"):
            refused(stranger.post(f"/api/runs/{writer.id}/commands", json={"command": verb}), 403)
        refused(stranger.post("/api/runs/nothing/commands", json={"command": "stop"}), 404)


def test_commands_that_mean_nothing(visitor: TestClient, writer: Writer) -> None:
    """Unknown words, wrong numbers and impossible moments are answered by a sentence."""
    address = f"/api/runs/{writer.id}/commands"
    for body in (
        {},
        {"command": "delete"},
        {"command": 5},
        {"command": ["stop"]},
        {"command": "set"},
        {"command": "set", "learning_rate": "fast"},
        {"command": "set", "learning_rate": True},
        {"command": "set", "learning_rate": 1e9},
        {"command": "set", "learning_rate": -1},
        {"command": "stop", "now": True},
    ):
        refused(visitor.post(address, json=body), 422)
    writer.finish()
    refused(visitor.post(address, json={"command": "pause"}), 409)


# ----------------------------------------------------------------------------------------------------------- files


def test_a_file_that_is_being_made_says_how_far_it_is(
    visitor: TestClient, writer: Writer, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody waits for ever: the request for a file asks the engine, and tells of it after a while."""
    monkeypatch.setattr(web.api, "FILE_PATIENCE", 0.05)
    address = f"/api/runs/{writer.id}/files/weights.safetensors"
    refused(visitor.get(address), 409)
    writer.mark(b"model")
    answer = visitor.get(address)

    assert answer.status_code == 202
    assert answer.json()["status"] == "queued"
    assert visitor.get(f"{address}?step={writer.step}").json()["id"] == answer.json()["id"]
    store.probes.fail(answer.json()["id"], "No ink.")
    refused(visitor.get(f"{address}?step=-1"), 422)
    refused(visitor.get(f"{address}?step=999"), 404)


def test_a_file_that_is_made_comes_as_one(visitor: TestClient, writer: Writer, store: Store) -> None:
    """Its bytes, its kind, and a name to keep it under."""
    writer.mark(b"model")
    probe = probe_id(writer.id, writer.step, TakeAway(file="codes.csv"))
    store.probes.ask(probe, writer.id, "me", writer.step, "{}")
    store.probes.answer(probe, frames.encode({"media": "text/csv"}, {"bytes": np.frombuffer(b"a,b\n", np.uint8)}))
    answer = visitor.get(f"/api/runs/{writer.id}/files/codes.csv")

    assert answer.content == b"a,b\n"
    assert answer.headers["content-type"].startswith("text/csv")
    assert f'filename="{writer.id}-codes.csv"' in answer.headers["content-disposition"]
    refused(visitor.get(f"/api/runs/{writer.id}/files/model.pickle"), 404)


def test_the_script_is_python(visitor: TestClient, writer: Writer) -> None:
    """The run's script comes as a file of Python."""
    answer = visitor.get(f"/api/runs/{writer.id}/files/script.py")

    assert answer.headers["content-type"].startswith("text/x-python")
    assert answer.text == python_lines(RunSpec())


@given(specs())
def test_a_script_makes_the_same_spec(spec: RunSpec) -> None:
    """The lines of Python construct exactly the spec that they were made from."""
    lines = python_lines(spec)
    scope: dict[str, Any] = {}
    exec(lines.split("training = train")[0].replace("from ae_core.training import train", ""), scope)

    assert scope["spec"] == spec


def test_a_script_tells_what_was_changed_by_hand() -> None:
    """A learning rate moved in flight is no part of the spec, so the script names it."""
    lines = python_lines(RunSpec(), [(120, 0.002)])

    assert lines.startswith("# At step 120 the learning rate was set to 0.002 by hand.\nfrom ae_core")


def test_a_script_is_short_and_runs(capsys: pytest.CaptureFixture[str]) -> None:
    """Ten lines for the defaults; with a few changes they train and give the fitted model."""
    few = changed(RunSpec(), {"data_kind": "wine", "training_epochs": 2, "model_hidden": (8,)})
    scope: dict[str, Any] = {}
    exec(python_lines(few), scope)

    assert len(python_lines(RunSpec()).splitlines()) <= 10
    assert "val_mse" in capsys.readouterr().out
    assert scope["model"].encode(np.zeros((3, 13), np.float32)).shape == (3, 2)


# ------------------------------------------------------------------------------------------------------ live stream


def test_frames_come_over_the_socket(visitor: TestClient, writer: Writer) -> None:
    """First a full frame, then what is new."""
    with visitor.websocket_connect(f"/live/{writer.id}") as socket:
        first, arrays = decode(socket.receive_bytes())
        writer.train(2)
        later, news = decode(socket.receive_bytes())

    assert first["full"]
    assert arrays["curve.step"].tolist() == [1, 2, 3]
    assert not later["full"]
    assert news["curve.step"].tolist() == [4, 5]


@pytest.mark.parametrize("run", ["nothing", "x" * 300, "%00", "%F0%9F%92%A9"])
def test_an_unknown_run_closes_with_a_sentence(visitor: TestClient, run: str) -> None:
    """The handshake is accepted, so that the browser may read the close code and the reason."""
    with visitor.websocket_connect(f"/live/{run}") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()

    assert closed.value.code == 4404
    assert "There is no run" in closed.value.reason
    assert len(closed.value.reason.encode()) <= 123


def test_a_deleted_run_closes_its_sockets(visitor: TestClient, store: Store, writer: Writer) -> None:
    """Viewers of a run that is deleted are told so."""
    with visitor.websocket_connect(f"/live/{writer.id}") as socket:
        socket.receive_bytes()
        store.delete(writer.id, visitor.cookies[web.COOKIE])
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == 4404


def test_many_runs_come_through_one_socket(visitor: TestClient, writer: Writer, store: Store) -> None:
    """Each frame names its run; for a run that there is not, or no more, comes a word, and the others go on."""
    other = Writer(store, visitor.cookies[web.COOKIE])
    other.begin()
    other.train(1)
    with visitor.websocket_connect(f"/live/many?runs={writer.id},{other.id},nothing-at-all,%00") as socket:
        frames, missing = {}, set()
        while len(frames) < 2 or len(missing) < 2:
            message = socket.receive()
            if message.get("text"):
                missing.add(json.loads(message["text"])["missing"])
            else:
                header, _ = decode(message["bytes"])
                frames[header["run"]] = header
        assert set(frames) == {writer.id, other.id}
        assert missing == {"nothing-at-all", "\x00"}
        store.delete(other.id, visitor.cookies[web.COOKIE])
        assert json.loads(socket.receive_text()) == {"missing": other.id}
        writer.train(1)
        assert decode(socket.receive_bytes())[0]["run"] == writer.id


def test_more_runs_than_one_socket_shows_are_refused(visitor: TestClient) -> None:
    """A sentence as the reason of the close."""
    runs = ",".join(f"run-number-{n}" for n in range(41))
    with visitor.websocket_connect(f"/live/many?runs={runs}") as socket, pytest.raises(WebSocketDisconnect) as closed:
        socket.receive_bytes()
    assert closed.value.code == 1008
    assert "at most 40" in closed.value.reason


def test_too_many_viewers_are_told(store: Store) -> None:
    """One viewer too many is accepted and closed with a code of its own."""
    writer = Writer(store)
    with TestClient(server(store, most_viewers=1)) as visitor, visitor.websocket_connect(f"/live/{writer.id}") as first:
        first.receive_bytes()
        with visitor.websocket_connect(f"/live/{writer.id}") as second, pytest.raises(WebSocketDisconnect) as closed:
            second.receive_bytes()
    assert closed.value.code == 4429


@pytest.mark.parametrize(("words", "code"), [(["x" * 5000], 1009), (["x"] * 500, 1008)])
def test_a_viewer_who_talks_is_closed(visitor: TestClient, writer: Writer, words: list[str], code: int) -> None:
    """A viewer may say a little, which is ignored; one who says much is closed."""
    with visitor.websocket_connect(f"/live/{writer.id}") as socket:
        socket.send_text("hello")
        assert socket.receive_bytes()
        for word in words:
            socket.send_text(word)
        with pytest.raises(WebSocketDisconnect) as closed:
            socket.receive_bytes()
    assert closed.value.code == code


def test_only_an_object_is_an_object() -> None:
    """The reader of bodies alone: nesting is counted, and what it lets through is what json reads."""
    assert web.json_object(b'{"a": [1, {"b": null}]}') == {"a": [1, {"b": None}]}
    with pytest.raises(SpecError, match="nested deeper"):
        web.json_object(b'{"a":' * 20 + b"1" + b"}" * 20)


# -------------------------------------------------------------------------------------------- questions about runs


def test_the_milestones_of_a_run_are_told(visitor, writer, store):
    """Steps and epochs at which the model is kept, with where the run stands."""
    writer.mark(b"model")
    told = visitor.get(f"/api/runs/{writer.id}/milestones").json()
    assert (told["id"], told["status"]) == (writer.id, store.run(writer.id).status)
    assert [kept["step"] for kept in told["milestones"]] == [writer.step]


def test_a_question_waits_for_the_engine_and_then_gets_its_frame(visitor, writer, store, monkeypatch):
    """202 tells how far it is; the same address gives the answer once it is there, for anybody to keep."""
    monkeypatch.setattr(web.api, "PATIENCE", 0.05)
    writer.mark(b"model")
    asked = visitor.post(f"/api/runs/{writer.id}/probes", json={"kind": "codes"})
    assert (asked.status_code, asked.json()["status"]) == (202, "queued")
    probe = asked.json()["id"]
    assert store.probes.waiting() == [(probe, 1)]
    inquiry = store.probes.take(probe)
    assert (inquiry.run, inquiry.step, inquiry.blob) == (writer.id, writer.step, b"model")
    store.probes.touch(probe, 0.5)
    address = f"/api/runs/{writer.id}/probes/{probe}"
    assert visitor.get(address).json() == {"id": probe, "status": "working", "progress": 0.5}
    store.probes.answer(probe, b"a frame")
    found = visitor.get(address)
    assert (found.status_code, found.content) == (200, b"a frame")
    assert "max-age" in found.headers["cache-control"]
    assert visitor.post(f"/api/runs/{writer.id}/probes", json={"kind": "codes"}).content == b"a frame"


def test_a_question_without_an_answer_says_why(visitor, writer, store):
    """409 with the reason."""
    writer.mark(b"model")
    probe = store.probes.ask("p" * 32, writer.id, "ann", writer.step, "{}").id
    store.probes.fail(probe, "It cannot be known.")
    found = visitor.get(f"/api/runs/{writer.id}/probes/{probe}")
    assert (found.status_code, found.json()) == (409, {"error": "It cannot be known."})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "nonsense"}, 422),
        ({"kind": "codes", "most": -1}, 422),
        ({"kind": "codes", "step": "x"}, 422),
        ({"kind": "codes", "step": -1}, 422),
        ({"kind": "codes", "step": True}, 422),
        ({"kind": "codes", "step": 10**9}, 404),
        ({}, 422),
    ],
)
def test_questions_that_make_no_sense_are_refused_politely(visitor, writer, body, status):
    """Never a 500, always a sentence."""
    writer.mark(b"model")
    found = visitor.post(f"/api/runs/{writer.id}/probes", json=body)
    assert found.status_code == status
    assert found.json()["error"]


def test_unknown_runs_and_unknown_questions_are_404(visitor, writer):
    """Whatever the address says."""
    for address in (
        "/api/runs/nobody/milestones",
        "/api/runs/nobody/probes/x",
        f"/api/runs/{writer.id}/probes/x",
        f"/api/runs/{writer.id}/probes/%00",
    ):
        assert visitor.get(address).status_code == 404, address
    assert visitor.post("/api/runs/nobody/probes", json={"kind": "codes"}).status_code == 404


def test_the_scripts_are_served(visitor):
    """Our own, and Plotly's out of its package; nothing outside the folder."""
    assert "javascript" in visitor.get("/scripts/frame.js").headers["content-type"]
    assert visitor.get("/scripts/plotly.js").content[:20].startswith(b"/**")
    assert visitor.get("/scripts/../data/starter.frame").status_code == 404


@pytest.mark.parametrize("name", ["frame.js", "plotly.js"])
def test_a_script_is_asked_about_at_every_visit_and_sent_once(visitor, name):
    """A browser never mixes the scripts of two versions, and does not load anew what it has."""
    first = visitor.get(f"/scripts/{name}")
    again = visitor.get(f"/scripts/{name}", headers={"if-none-match": first.headers["etag"]})
    assert (first.headers["cache-control"], again.headers["cache-control"]) == ("no-cache", "no-cache")
    assert (again.status_code, again.content) == (304, b"")
